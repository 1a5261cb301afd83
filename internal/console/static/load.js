// Loads a player's script when it is needed for the first time.
const loading = new Map();

export function load(src) {
  if (!loading.has(src)) {
    loading.set(src, new Promise((done, failed) => {
      const script = document.createElement('script');
      script.src = src;
      script.onload = done;
      script.onerror = () => {
        loading.delete(src);
        script.remove();
        failed(new Error(`${src} cannot be loaded`));
      };
      document.head.append(script);
    }));
  }
  return loading.get(src);
}

// unloaded is what to say then.
export const unloaded = {
  title: 'The player cannot be loaded',
  hint: 'The server does not answer. It may be restarting.',
};

// refusal asks for an address that was refused, for the reason the server gives.
export async function refusal(url, status) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 5000);
  let reason = '';
  try {
    const response = await fetch(url, { cache: 'no-store', signal: stop.signal });
    if (!response.ok) {
      status = response.status;
      reason = said(await response.text());
    }
  } catch {
    // then the status must do
  }
  clearTimeout(timer);
  stop.abort(); // or the stream would be sent
  return refused(status, reason);
}

// refused says a status and a reason in words.
export function refused(status, reason) {
  const titles = {
    401: 'You may not watch this stream',
    403: 'You may not watch this stream',
    404: 'The stream is not there',
    503: 'The server has no room for you',
  };
  return {
    status,
    title: titles[status] || `The server refuses to play (status ${status})`,
    hint: reason ? `The server says: ${reason.replace(/[^.!?]$/, '$&.')}` : '',
  };
}

// said reads the reason out of a failure's JSON, which the API calls error.
export function said(body) {
  try {
    const { reason, error } = JSON.parse(body);
    return String(reason || error || '');
  } catch {
    return '';
  }
}
