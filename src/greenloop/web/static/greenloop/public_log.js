/* Reads the public log's files on the visitor's own device: whether a leaf is under the signed checkpoint, who signed
   it, and whether the log is the one that this device saw before, grown.

   It is the tree of RFC 6962 (core/trust/log.py). A leaf's own file of 256 leaves, the last file and the roots over all
   full files (`tops`) hash to the checkpoint's root, so a few files do for a log of any size. Where the log can't be
   what it has to be, `Broken` says why: that is evidence. What couldn't be read proves nothing: `Unread`. */
"use strict";

(() => {
  const { sha256, joined, hexOf, sameBytes } = globalThis.greenloop;
  const TILE = 256;
  const TILE_LEVEL = 8;
  const KEPT = "greenloop.log";

  class Broken extends Error {
    constructor(why, facts = {}) {
      super(why);
      this.facts = facts;
    }
  }
  class Unread extends Error {}

  /* --- files */

  async function bytesOf(address) {
    try {
      const answer = await fetch(address, { cache: "no-store", credentials: "omit" });
      if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
    } catch {
      /* said below */
    }
    throw new Unread("unread");
  }
  const textOf = (bytes) => new TextDecoder().decode(bytes);
  const linesOf = (bytes) => {
    const lines = [];
    for (let first = 0, end = bytes.indexOf(10); end >= 0; first = end + 1, end = bytes.indexOf(10, first)) {
      lines.push(bytes.subarray(first, end));
    }
    return lines;
  };
  const base64 = (text) => {
    try {
      return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    } catch {
      throw new Unread("unread");
    }
  };

  /* A signed note (C2SP): origin, size and root, a blank line, and a line for each signature. */
  function noteOf(text) {
    const found = /^(([^\s+]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n)\n((?:— [^\s+]+ [A-Za-z0-9+/=]+\n)+)$/.exec(text);
    if (!found) throw new Unread("unread");
    const signatures = found[5].trimEnd().split("\n").map((line) => line.split(" ").slice(1))
      .map(([name, told]) => ({ name, bytes: base64(told) }));
    return { text, signed: found[1], origin: found[2], size: Number(found[3]), root: base64(found[4]), signatures };
  }

  async function keysOf(text, origin) {
    const keys = [];
    for (const line of text.split("\n").filter(Boolean)) {
      const [name, id, ...rest] = line.split("+");
      const told = base64(rest.join("+"));
      const hashed = await sha256(joined(new TextEncoder().encode(`${name}\n`), told));
      if (name === origin && told.length === 33 && told[0] === 1 && hexOf(hashed.subarray(0, 4)) === id) {
        keys.push({ text: line, id, public: told.subarray(1) });
      }
    }
    return keys;
  }

  /* --- the tree */

  const leafHash = (line) => sha256(joined([0], line));
  const nodeHash = (left, right) => sha256(joined([1], left, right));

  /* The root over the tops of full files and the leaves behind them, given by hash. */
  async function rootOf(tops, leaves) {
    const kept = [];
    const grow = async (level, hashed) => {
      let [at, made] = [level, hashed];
      while (kept.length && kept[kept.length - 1][0] === at) {
        made = await nodeHash(kept.pop()[1], made);
        at += 1;
      }
      kept.push([at, made]);
    };
    for (const top of tops) await grow(TILE_LEVEL, top);
    for (const leaf of leaves) await grow(0, leaf);
    if (!kept.length) return sha256(new Uint8Array());
    let root = kept.pop()[1];
    while (kept.length) root = await nodeHash(kept.pop()[1], root);
    return root;
  }

  /* The files of a log as a checkpoint covers them; each is fetched once, and a full one has to lead to its top. */
  function filesOf(log, note, tops, shown) {
    const read = new Map();
    return async (tile) => {
      if (!read.has(tile)) {
        const most = Math.min(TILE, note.size - tile * TILE);
        const lines = linesOf(await bytesOf(`${log}leaves/${String(tile).padStart(6, "0")}.jsonl`)).slice(0, most);
        if (lines.length < most) throw new Unread("unread");
        const hashes = await Promise.all(lines.map(leafHash));
        if (most === TILE && !sameBytes(await rootOf([], hashes), tops[tile])) throw new Broken("changed", shown);
        read.set(tile, { lines, hashes });
      }
      return read.get(tile);
    };
  }

  async function rootAt(size, tops, file) {
    const full = Math.floor(size / TILE);
    const rest = size % TILE ? (await file(full)).hashes.slice(0, size % TILE) : [];
    return rootOf(tops.slice(0, full), rest);
  }

  /* --- the signature: true, false, or null where this browser can't tell (no Ed25519, or no secure connection) */

  async function provenBy(note, key) {
    const signature = note.signatures.find(
      (each) => each.name === note.origin && each.bytes.length === 68 && hexOf(each.bytes.subarray(0, 4)) === key.id,
    );
    if (!signature) return false;
    let imported = null;
    try {
      imported = await globalThis.crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
    } catch {
      return null;
    }
    return globalThis.crypto.subtle.verify(
      { name: "Ed25519" }, imported, signature.bytes.subarray(4), new TextEncoder().encode(note.signed),
    );
  }

  async function signer(note, keys, shown) {
    for (const key of keys) {
      const proven = await provenBy(note, key);
      if (proven !== false) return { key, proven };
    }
    throw new Broken("signature", shown);
  }

  /* --- what this device saw before */

  function before() {
    try {
      const kept = JSON.parse(globalThis.localStorage.getItem(KEPT));
      return kept && { ...kept, note: noteOf(kept.note) };
    } catch {
      return null;
    }
  }
  function keep(kept) {
    try {
      globalThis.localStorage.setItem(KEPT, JSON.stringify(kept));
      return true;
    } catch {
      return false;
    }
  }
  /* Go by another key from now on: the visitor has compared it. */
  function goByAnotherKey() {
    const kept = before();
    if (kept) keep({ note: kept.note.text, key: null });
  }

  /* --- the check: returns what the log tells of a leaf, and how far it is to be believed */

  async function readLeaf(log, number) {
    const note = noteOf(textOf(await bytesOf(`${log}checkpoint`)));
    const seen = before();
    const shown = { shown: note.text, seen: seen ? seen.note.text : "", size: note.size };
    if (seen && seen.note.origin !== note.origin) throw new Broken("origin", shown);
    if (seen && seen.note.size > note.size) throw new Broken("cut", shown);
    if (!Number.isSafeInteger(number) || number >= note.size) throw new Unread("unsigned");
    const { key, proven } = await signer(note, await keysOf(textOf(await bytesOf(`${log}key`)), note.origin), shown);
    const tops = linesOf(await bytesOf(`${log}tops`)).slice(0, Math.floor(note.size / TILE))
      .map((line) => Uint8Array.from(textOf(line).match(/[0-9a-f]{2}/g) || [], (pair) => parseInt(pair, 16)));
    if (tops.length < Math.floor(note.size / TILE) || tops.some((top) => top.length !== 32)) throw new Unread("unread");
    const file = filesOf(log, note, tops, shown);
    if (!sameBytes(await rootAt(note.size, tops, file), note.root)) throw new Broken("changed", shown);
    if (seen && !sameBytes(await rootAt(seen.note.size, tops, file), seen.note.root)) throw new Broken("forked", shown);
    if (seen && seen.key && seen.key !== key.text) throw new Broken("key", { ...shown, key: key.text, old: seen.key });
    const newest = (await file(Math.floor((note.size - 1) / TILE))).lines[(note.size - 1) % TILE];
    const leaf = (await file(Math.floor(number / TILE))).lines[number % TILE];
    return {
      leaf: JSON.parse(textOf(leaf)), size: note.size, at: JSON.parse(textOf(newest)).at, key: key.id, proven,
      seen: seen ? seen.note.size : null, note: note.text, kept: keep({ note: note.text, key: key.text }),
    };
  }

  Object.assign(globalThis.greenloop, { Broken, Unread, readLeaf, goByAnotherKey });
})();
