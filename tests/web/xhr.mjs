// XMLHttpRequest over fetch, as much of it as the official client uses: so that this client, too, can speak HTTP/2 in Node.

export class Xhr {
  readyState = 0;
  responseType = "";
  responseText = "";
  response = null;
  status = 0;
  statusText = "";
  onreadystatechange = null;
  #headers = [];
  #answered = null;
  #abort = new AbortController();

  open(method, url) {
    Object.assign(this, { method, url });
    this.#become(1);
  }

  setRequestHeader(name, value) {
    this.#headers.push([name, value]);
  }

  getAllResponseHeaders() {
    return [...(this.#answered ?? [])].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }

  getResponseHeader(name) {
    return this.#answered?.get(name) ?? null;
  }

  send(body) {
    this.#run(body).catch(() => {
      if (this.#abort.signal.aborted) return;
      this.status = 0;
      this.#become(4);
    });
  }

  abort() {
    this.#abort.abort();
  }

  async #run(body) {
    const answer = await fetch(this.url, { method: this.method, headers: this.#headers, body, signal: this.#abort.signal });
    this.#answered = answer.headers;
    this.status = answer.status;
    this.#become(2);
    const parts = [];
    for await (const part of answer.body ?? []) {
      parts.push(part);
      if (this.responseType === "") this.responseText += Buffer.from(part).toString("latin1");
      this.#become(3);
    }
    if (this.responseType === "arraybuffer") {
      const whole = Buffer.concat(parts);
      this.response = whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length);
    } else {
      this.response = this.responseText;
    }
    this.#become(4);
  }

  #become(state) {
    this.readyState = state;
    this.onreadystatechange?.();
  }
}
