/* Checks, on the visitor's own device, that an amount is in the published sum of all that is owed.

   Nothing is believed: the proof and the root are fetched apart, and every hash between the two is computed here, by
   what the browser brings, or by the SHA-256 below where it brings none (over http in a local network). The encodings
   are those of core/trust/liabilities.py. Sums are BigInt; a sum that JSON can't carry exactly is refused. */
"use strict";

(() => {
  const SUM_MAX = 2n ** 53n - 1n;
  const PARTS_MAX = 64;
  const REASONS = { "holding.unknown": "left", "tree.unknown": "tree", "root.unsigned": "unsigned" };
  const COMPARED = ["cycle", "root_hash", "nonce_hash", "total_fen", "leaves", "holders", "journal_hash"];

  class Wrong extends Error {}
  class Unloaded extends Error {}

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
  const amount = (fen) => {
    if (!Number.isSafeInteger(fen) || fen < 0) throw new Wrong("sum");
    return BigInt(fen);
  };
  const within = (sum) => {
    if (sum < 0n || sum > SUM_MAX) throw new Wrong("sum");
    return sum;
  };
  const hmac = async (key, message) => {
    const pad = (by) => Uint8Array.from({ length: 64 }, (_, n) => (n < key.length ? key[n] : 0) ^ by);
    return sha256(joined(pad(0x5c), await sha256(joined(pad(0x36), message))));
  };

  /* --- the check: returns the fen that are included, or throws what is wrong */

  async function climbed(leaf, leafHash, depth) {
    if (!Array.isArray(leaf.path) || leaf.path.length !== depth) throw new Wrong("place");
    let [hashed, sum, place] = [leafHash, amount(leaf.amount_fen), leaf.index];
    for (const step of leaf.path) {
      const own = joined(hashed, number(sum, 8));
      const other = joined(hash(step.hash), number(amount(step.sum_fen), 8));
      hashed = await sha256(joined([1], ...(place % 2 ? [other, own] : [own, other])));
      sum = within(sum + amount(step.sum_fen));
      place = Math.floor(place / 2);
    }
    return [hexOf(hashed), sum];
  }

  async function included(proof, root) {
    if (COMPARED.some((name) => proof.root[name] !== root[name])) throw new Wrong("published");
    const { leaves, holder } = proof;
    if (!/^[0-9]{1,19}$/.test(holder) || !Number.isSafeInteger(root.leaves) || root.leaves < 1) throw new Wrong("unreadable");
    if (!Array.isArray(leaves) || leaves.length < 1 || leaves.length > PARTS_MAX) throw new Wrong("place");
    const nonce = hash(proof.nonce);
    if (hexOf(await sha256(nonce)) !== root.nonce_hash) throw new Wrong("nonce");
    let depth = 0;
    while (2 ** depth < root.leaves) depth += 1;
    let sum = 0n;
    for (const [part, leaf] of leaves.entries()) {
      if (!Number.isSafeInteger(leaf.index) || leaf.index < 0 || leaf.index >= root.leaves) throw new Wrong("place");
      const bound = await hmac(nonce, joined(number(holder, 8), number(part, 4), number(leaves.length, 4)));
      const leafHash = await sha256(joined([0], hash(leaf.salt), bound, number(amount(leaf.amount_fen), 8)));
      const [top, total] = await climbed(leaf, leafHash, depth);
      if (top !== root.root_hash || total !== amount(root.total_fen)) throw new Wrong("root");
      sum = within(sum + amount(leaf.amount_fen));
    }
    const { claimable_fen, unspent_fen, coupon_fen, dues_fen, amount_fen } = proof.owed;
    const told = [claimable_fen, unspent_fen, coupon_fen, dues_fen].map(amount).reduce((one, other) => one + other);
    if (sum !== amount(amount_fen) || sum !== told) throw new Wrong("amount");
    return sum;
  }

  /* --- the page: a button, and what came of it in words */

  const yuan = (fen) => `${(fen / 100n).toLocaleString(document.documentElement.lang)}.${String(fen % 100n).padStart(2, "0")}`;
  const filled = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

  /* What can't be loaded proves nothing; but why there is no proof is told by a code, and "left out" is an answer. */
  async function loaded(address) {
    const asked = { credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" } };
    let [answer, told] = [null, null];
    try {
      answer = await fetch(address, asked);
      told = await answer.json();
    } catch {
      throw new Unloaded("failed");
    }
    if (!answer.ok) throw new Unloaded((told && REASONS[told.code]) || "failed");
    return told;
  }

  async function look(button) {
    const place = document.getElementById(button.getAttribute("aria-controls"));
    const words = document.getElementById("proof-words").dataset;
    const say = (tone, text) => {
      place.className = `notice ${tone}`;
      place.firstElementChild.textContent = text;
      place.hidden = false;
    };
    button.disabled = true;
    say("info", words.busy);
    try {
      const [proof, root] = await Promise.all([loaded(button.dataset.proof), loaded(button.dataset.root)]);
      if (proof.holder !== button.dataset.holder) throw new Wrong("holder");
      if (root.root_hash !== words.shown) throw new Wrong("published");
      const fen = await included(proof, root);
      const facts = {
        holder: proof.holder, moment: words.moment,
        amount: yuan(fen), total: yuan(amount(root.total_fen)), root: root.root_hash.slice(0, 16),
        holders: root.holders.toLocaleString(document.documentElement.lang),
        claimable: yuan(amount(proof.owed.claimable_fen)), unspent: yuan(amount(proof.owed.unspent_fen)),
        coupons: yuan(amount(proof.owed.coupon_fen)), dues: yuan(amount(proof.owed.dues_fen)),
      };
      say("good", `${filled(words.yes, facts)} ${filled(words.parts, facts)}`);
    } catch (fault) {
      if (fault instanceof Unloaded) {
        const facts = { holder: button.dataset.holder, moment: words.moment };
        say(fault.message === "left" ? "bad" : "warn", filled(words[fault.message], facts));
        return;
      }
      if (fault instanceof DOMException) {
        say("warn", words.failed);
        return;
      }
      const why = fault instanceof Wrong ? words[fault.message] : words.unreadable;
      say("bad", filled(words.no, { why }));
    } finally {
      button.disabled = false;
    }
  }

  const buttons = document.querySelectorAll("button[data-proof]");
  for (const button of buttons) {
    button.addEventListener("click", () => { look(button); });
    button.hidden = false;
  }
  /* Other pages lead here by one tap: the check begins by itself. */
  if (globalThis.location.hash === "#check" && buttons.length) look(buttons[0]);
})();
