// AWS HealthImaging's operations for images, each request signed with Signature Version 4.

const SERVICE = "medical-imaging";
const encoder = new TextEncoder();

export class HealthImaging {
  // `credentials` are a keyId, a secret and, if they are temporary, a token.
  constructor(endpoint, region, credentials) {
    Object.assign(this, { endpoint, region, credentials });
  }

  async searchImageSets(datastore) {
    const answer = await this.#post(`/datastore/${datastore}/searchImageSets`);
    return (await answer.json()).imageSetsMetadataSummaries;
  }

  async imageSetMetadata(datastore, imageSet) {
    const answer = await this.#post(`/datastore/${datastore}/imageSet/${imageSet}/getImageSetMetadata`);
    return answer.json();
  }

  async imageFrame(datastore, imageSet, imageFrameId) {
    const path = `/datastore/${datastore}/imageSet/${imageSet}/getImageFrame`;
    const answer = await this.#post(path, { imageFrameId });
    return new Uint8Array(await answer.arrayBuffer());
  }

  async #post(path, members = {}) {
    const url = new URL(path, this.endpoint);
    const body = JSON.stringify(members);
    const headers = await signed(url, body, this.region, this.credentials);
    const answer = await fetch(url, { method: "POST", body, headers });
    if (!answer.ok) throw new Error(`${answer.status} for ${path}: ${await answer.text()}`);
    return answer;
  }
}

// The headers that sign a POST of `body` to a URL without a query.
export async function signed(url, body, region, { keyId, secret, token }) {
  const time = new Date().toISOString().replace(/[:-]|\.\d+/g, "");
  const scope = [time.slice(0, 8), region, SERVICE, "aws4_request"];
  const sent = { "x-amz-date": time, ...(token ? { "x-amz-security-token": token } : {}) };
  const lines = Object.entries({ host: url.host, ...sent }).map((header) => header.join(":"));
  const names = ["host", ...Object.keys(sent)].join(";");
  const request = ["POST", url.pathname, "", ...lines, "", names, await sha256(body)].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), await sha256(request)].join("\n");
  let key = encoder.encode(`AWS4${secret}`);
  for (const part of [...scope, text]) key = await hmac(key, part);
  const signature = `Credential=${keyId}/${scope.join("/")}, SignedHeaders=${names}, Signature=${hex(key)}`;
  return { ...sent, authorization: `AWS4-HMAC-SHA256 ${signature}` };
}

async function sha256(text) {
  return hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

async function hmac(key, text) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, encoder.encode(text));
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
