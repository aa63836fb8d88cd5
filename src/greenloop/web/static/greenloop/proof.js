/* Checks, on the visitor's own device, that an amount is in the published sum of all that is owed, and that the sum is
   in the public log.

   Nothing is believed: the proof, the root and the log's files are fetched apart, and every hash between them is
   computed here (hashes.js, public_log.js). The encodings are those of core/trust/liabilities.py. Sums are BigInt; a sum
   that JSON can't carry exactly is refused. */
"use strict";

(() => {
  const { Wrong, Broken, Unread, sha256, joined, number, hash, hexOf, readLeaf, goByAnotherKey } = globalThis.greenloop;
  const SUM_MAX = 2n ** 53n - 1n;
  const PARTS_MAX = 64;
  const REASONS = { "holding.unknown": "left", "tree.unknown": "tree", "root.unsigned": "unsigned" };
  const COMPARED = ["cycle", "root_hash", "nonce_hash", "total_fen", "leaves", "holders", "journal_hash"];

  class Unloaded extends Error {}

  /* --- sums */

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

  /* The root as the log tells it is the root as its file tells it, word for word. */
  const same = (one, other) => {
    if (one === null || typeof one !== "object") return one === other;
    const names = Object.keys(one);
    return other !== null && typeof other === "object" && names.length === Object.keys(other).length
      && names.every((name) => same(one[name], other[name]));
  };
  function checkTold({ leaf, note }, root) {
    const { facts } = leaf;
    const about = leaf.kind === "root" && leaf.about === `root/${root.cycle}` && leaf.number === root.log_leaf;
    if (!about || COMPARED.some((name) => !(name in facts)) || Object.keys(facts).some((name) => !same(facts[name], root[name]))) {
      throw new Broken("untold", { shown: note });
    }
  }

  /* What the log says of a root, in words; the tone is a warning where its signature could not be checked. */
  async function logged(words, root) {
    const found = await readLeaf(words.log, root.log_leaf);
    checkTold(found, root);
    const facts = {
      leaf: found.leaf.number, size: found.size, key: found.key, seen: found.seen,
      at: `${found.at.slice(0, 16).replace("T", " ")} UTC`,
    };
    const told = [filled(found.proven ? words.logged : words.unchecked, facts)];
    if (found.seen !== null) told.push(filled(words.grown, facts));
    else if (found.kept) told.push(words.first);
    if (!found.kept) told.push(words.unkept);
    return { tone: found.proven ? "good" : "warn", text: told.join(" "), note: found.note };
  }

  async function inTree(button, words, root) {
    const proof = await loaded(button.dataset.proof);
    if (proof.holder !== button.dataset.holder) throw new Wrong("holder");
    const fen = await included(proof, root);
    const facts = {
      holder: proof.holder, moment: words.moment,
      amount: yuan(fen), total: yuan(amount(root.total_fen)), root: root.root_hash.slice(0, 16),
      holders: root.holders.toLocaleString(document.documentElement.lang),
      claimable: yuan(amount(proof.owed.claimable_fen)), unspent: yuan(amount(proof.owed.unspent_fen)),
      coupons: yuan(amount(proof.owed.coupon_fen)), dues: yuan(amount(proof.owed.dues_fen)),
    };
    return { yes: `${filled(words.yes, facts)} ${filled(words.parts, facts)}`, partly: filled(words.partly, facts) };
  }

  /* Why there is no yes: a tone and words. What is evidence is a no; what could not be read proves nothing. */
  function refused(fault, button, words) {
    if (fault instanceof Broken) {
      const why = words[`log${fault.message[0].toUpperCase()}${fault.message.slice(1)}`];
      const { seen, shown } = fault.facts;
      const notes = [[words.before, seen], [words.now, shown]];
      return { tone: "bad", texts: [filled(why, fault.facts)], notes, another: fault.message === "key" };
    }
    if (fault instanceof Unloaded || fault instanceof Unread) {
      const facts = { holder: button.dataset.holder, moment: words.moment };
      return { tone: fault.message === "left" ? "bad" : "warn", texts: [filled(words[fault.message], facts)] };
    }
    if (fault instanceof DOMException) return { tone: "warn", texts: [words.failed] };
    return { tone: "bad", texts: [filled(words.no, { why: fault instanceof Wrong ? words[fault.message] : words.unreadable })] };
  }

  async function asked(button, words) {
    let tree = null;
    try {
      const root = await loaded(button.dataset.root);
      if (root.root_hash !== words.shown) throw new Wrong("published");
      if (button.dataset.proof) tree = await inTree(button, words, root);
      const log = await logged(words, root);
      return { tone: log.tone, texts: [...(tree ? [tree.yes] : [words.rooted]), log.text], notes: [["", log.note]] };
    } catch (fault) {
      const told = refused(fault, button, words);
      return { ...told, texts: tree && told.tone === "warn" ? [tree.partly, ...told.texts] : told.texts };
    }
  }

  /* The last words are the checkpoints that were compared: to be kept, and to be held against others'. */
  function tell(place, words, { tone, texts, notes = [], another = false }) {
    const line = (name, text) => Object.assign(document.createElement(name), { textContent: text });
    place.className = `notice ${tone}`;
    place.replaceChildren(...texts.map((text) => line("p", text)));
    const kept = notes.filter(([, note]) => note);
    if (kept.length) {
      const details = document.createElement("details");
      details.append(line("summary", words.checkpoints), ...kept.flatMap(([label, note]) => [
        ...(label ? [line("p", label)] : []), Object.assign(line("pre", note), { tabIndex: 0 }),
      ]));
      details.open = tone === "bad";
      place.append(details);
    }
    if (another) {
      const accept = Object.assign(line("button", words.another), { type: "button", className: "button" });
      accept.addEventListener("click", () => { goByAnotherKey(); accept.remove(); });
      place.append(accept);
    }
    place.hidden = false;
  }

  async function look(button) {
    const place = document.getElementById(button.getAttribute("aria-controls"));
    const words = document.getElementById("proof-words").dataset;
    button.disabled = true;
    tell(place, words, { tone: "info", texts: [words.busy] });
    tell(place, words, await asked(button, words));
    button.disabled = false;
  }

  const buttons = document.querySelectorAll("button[data-root]");
  for (const button of buttons) {
    button.addEventListener("click", () => { look(button); });
    button.hidden = false;
  }
  /* Other pages lead here by one tap: the check begins by itself. */
  if (globalThis.location.hash === "#check" && buttons.length) look(buttons[0]);
})();
