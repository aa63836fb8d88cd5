/* Hashes and bytes for the checks that run on a visitor's own device: by what the browser brings, or by the SHA-256
   below where it brings none (over http in a local network). Other scripts of the page find them in `greenloop`. */
"use strict";

(() => {
  /* Something in a proof isn't what it has to be; `message` is the code of why. */
  class Wrong extends Error {}

  /* --- SHA-256 (FIPS 180-4): the constants are the first bits of roots of primes, so they are computed, exactly. */

  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((p) => n % p)) primes.push(n);
  /* The first 32 bits after the point of the k-th root: floor(root(p · 2^(32k))) less its whole part. */
  const bitsOfRoot = (prime, k) => {
    const wanted = BigInt(prime) << BigInt(32 * k);
    let low = 0n;
    let high = 1n << 40n;
    while (low < high) {
      const middle = (low + high + 1n) >> 1n;
      if (middle ** BigInt(k) <= wanted) low = middle;
      else high = middle - 1n;
    }
    return Number(low & 0xffffffffn);
  };
  const START = primes.slice(0, 8).map((prime) => bitsOfRoot(prime, 2));
  const ROUNDS = primes.map((prime) => bitsOfRoot(prime, 3));
  const turned = (word, by) => (word >>> by) | (word << (32 - by));

  function ownSha256(bytes) {
    const padded = new Uint8Array(((bytes.length + 8) >> 6 << 6) + 64);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
    const state = Int32Array.from(START);
    const words = new Int32Array(64);
    for (let first = 0; first < padded.length; first += 64) {
      for (let n = 0; n < 16; n += 1) words[n] = view.getInt32(first + 4 * n);
      for (let n = 16; n < 64; n += 1) {
        const early = words[n - 15];
        const late = words[n - 2];
        words[n] = words[n - 16] + words[n - 7] + (turned(early, 7) ^ turned(early, 18) ^ (early >>> 3))
          + (turned(late, 17) ^ turned(late, 19) ^ (late >>> 10));
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let n = 0; n < 64; n += 1) {
        const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[n] + words[n]) | 0;
        const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((word, n) => { state[n] = state[n] + word; });
    }
    const out = new DataView(new ArrayBuffer(32));
    state.forEach((word, n) => out.setInt32(4 * n, word));
    return new Uint8Array(out.buffer);
  }

  const browsers = globalThis.crypto && globalThis.crypto.subtle;
  const sha256 = async (bytes) =>
    browsers ? new Uint8Array(await browsers.digest("SHA-256", bytes)) : ownSha256(bytes);

  /* --- bytes */

  const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
  const number = (value, length) => {
    const bytes = new Uint8Array(length);
    for (let n = length - 1, rest = BigInt(value); n >= 0; n -= 1, rest >>= 8n) bytes[n] = Number(rest & 0xffn);
    return bytes;
  };
  const hash = (hex) => {
    if (typeof hex !== "string" || !/^[0-9a-f]{64}$/.test(hex)) throw new Wrong("unreadable");
    return Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  };
  const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const sameBytes = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

  globalThis.greenloop = { Wrong, sha256, joined, number, hash, hexOf, sameBytes };
})();
