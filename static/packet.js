/* The sealing tool (封装工具). It runs from file:// in Chromium 86 and newer, reads no network, and makes
   one stored zip: manifest.json, signature.txt (HMAC-SHA256 of the manifest), workbook.xlsx, files/….
   The zip is a Blob whose parts are the files themselves, so memory holds one file at a time. */
(() => {
  "use strict";

  const $ = (id) => document.getElementById(id);
  const kit = JSON.parse($("packet-data").textContent);
  const MEGABYTE = 1024 * 1024;
  const KEPT = `packet:${kit.cycle}:${kit.entry}`;
  const places = new Map();
  for (const group of kit.groups) for (const place of group.places) places.set(place.ref, { ...place, group: group.title });

  /** Chosen files: {file, key, refs: Set of places, problem}. */
  const files = [];
  let workbook = null;
  let isSealed = true;
  let made = "";

  const say = (word, values) => kit.words[word].replace(/%\((\w+)\)s/g, (_all, name) => values[name]);

  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  /** A line of text in its place, or none; "remembered" and "progress" hold more than their text. */
  const show = (id, text) => {
    $(id).hidden = !text;
    ($(`${id}-text`) || $(id)).textContent = text;
  };

  // --- what is remembered of the last time: where the files go, not the files ------------------------

  const keyOf = (file) => [file.name, file.size, file.lastModified].join("|");

  const remembered = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(KEPT) || "{}");
      return { by: kept.by || "", files: kept.files || {} };
    } catch (_error) {
      return { by: "", files: {} };
    }
  };

  const canRemember = () => {
    try {
      localStorage.setItem(`${KEPT}:try`, "1");
      localStorage.removeItem(`${KEPT}:try`);
      return true;
    } catch (_error) {
      return false;
    }
  };

  let kept = remembered();

  const remember = () => {
    const now = {};
    for (const [key, refs] of Object.entries(kept.files)) if (!files.some((f) => f.key === key)) now[key] = refs;
    for (const f of files) if (f.refs.size) now[f.key] = Array.from(f.refs);
    kept = { by: $("by").value.trim(), files: now };
    try {
      localStorage.setItem(KEPT, JSON.stringify(kept));
    } catch (_error) {
      /* said at the top of the page */
    }
  };

  // --- choosing ------------------------------------------------------------------------------------

  const problemOf = (file) => {
    const ending = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
    if (!kit.endings.includes(ending)) return say("ending");
    if (file.size === 0) return say("empty");
    if (file.size > kit.fileLimit) return say("large", { most: Math.floor(kit.fileLimit / MEGABYTE) });
    return "";
  };

  const add = (list, ref) => {
    for (const file of list) {
      const key = keyOf(file);
      let known = files.find((f) => f.key === key);
      if (!known) {
        known = { file, key, refs: new Set(), problem: problemOf(file) };
        for (const place of kept.files[key] || []) if (places.has(place)) known.refs.add(place);
        files.push(known);
      }
      if (ref) known.refs.add(ref);
    }
    changed();
  };

  const takeWorkbook = (file) => {
    let problem = "";
    if (!/\.xlsx$/i.test(file.name)) problem = say("workbookKind", { name: file.name });
    else if (file.name.startsWith("~$") || file.size === 0) problem = say("workbookLock", { name: file.name });
    show("book-msg", problem);
    if (!problem) workbook = file;
    changed();
  };

  /** Files of a drop; a folder cannot be read, and says so. */
  const dropped = (event) => {
    const items = Array.from(event.dataTransfer.items || []);
    const isFolder = items.some((item) => item.webkitGetAsEntry && item.webkitGetAsEntry() && item.webkitGetAsEntry().isDirectory);
    show("drop-msg", isFolder ? say("folder") : "");
    return isFolder ? [] : Array.from(event.dataTransfer.files);
  };

  const droppable = (node, take) => {
    node.addEventListener("dragover", (event) => {
      event.preventDefault();
      node.classList.add("over");
    });
    node.addEventListener("dragleave", () => node.classList.remove("over"));
    node.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      node.classList.remove("over");
      take(event);
    });
  };

  // --- what is shown -------------------------------------------------------------------------------

  const at = (ref) => files.filter((f) => f.refs.has(ref));
  const isFilled = (place) => place.there || at(place.ref).some((f) => !f.problem);
  const isMissing = (place) => place.asked && !isFilled(place);

  const chip = (f, place) => {
    const node = make("span", f.problem ? "chip bad" : "chip");
    node.title = f.problem || f.file.name;
    node.draggable = true;
    node.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/x-file", f.key));
    node.append(make("span", "", f.file.name));
    const out = make("button", "x", "×");
    out.type = "button";
    out.setAttribute("aria-label", say("takeOut", { place: place.label, name: f.file.name }));
    out.addEventListener("click", () => {
      f.refs.delete(place.ref);
      changed();
    });
    node.append(out);
    return node;
  };

  const placeRow = (place) => {
    const row = make("div", "drop row");
    row.dataset.ref = place.ref;
    const body = make("div", "b");
    const mine = at(place.ref);
    const filled = mine.some((f) => !f.problem);
    const state = filled ? ["ok", "chosen"] : place.there ? ["ok", "stored"] : place.asked ? ["miss", "missing"] : ["", "free"];
    body.append(make("span", `st ${state[0]}`, say(state[1])), make("span", "", place.label));
    if (mine.length) {
      const chips = make("div", "chips");
      for (const f of mine) chips.append(chip(f, place));
      body.append(chips);
    }
    const pick = make("label", "btn", say("choose"));
    const input = make("input", "sr");
    input.type = "file";
    input.multiple = true;
    input.setAttribute("aria-label", say("chooseFor", { place: place.label }));
    input.addEventListener("change", () => add(Array.from(input.files), place.ref));
    pick.append(input);
    row.append(body, pick);
    droppable(row, (event) => {
      const moved = files.find((f) => f.key === event.dataTransfer.getData("text/x-file"));
      if (moved) {
        moved.refs.add(place.ref);
        changed();
      } else add(dropped(event), place.ref);
    });
    return row;
  };

  const fileRow = (f) => {
    const row = make("li", "row");
    const body = make("div", "b");
    body.append(make("span", "", f.file.name));
    const told = f.problem || (f.refs.size ? say("places", { n: f.refs.size }) : say("none"));
    body.append(make("div", f.problem ? "bad" : "muted", told));
    const choose = make("select");
    choose.setAttribute("aria-label", say("placeOf", { name: f.file.name }));
    const first = make("option", "", say(f.refs.size ? "also" : "place"));
    first.value = "";
    choose.append(first);
    for (const group of kit.groups) {
      const part = make("optgroup");
      part.label = group.title;
      for (const place of group.places) {
        if (f.refs.has(place.ref)) continue;
        const option = make("option", "", place.label);
        option.value = place.ref;
        part.append(option);
      }
      choose.append(part);
    }
    choose.addEventListener("change", () => {
      f.refs.add(choose.value);
      changed();
    });
    const out = make("button", "link", say("remove"));
    out.type = "button";
    out.setAttribute("aria-label", say("removeFile", { name: f.file.name }));
    out.addEventListener("click", () => {
      files.splice(files.indexOf(f), 1);
      delete kept.files[f.key];
      changed();
    });
    row.append(body, choose, out);
    return row;
  };

  /** Redraw, and keep the keyboard where it was: everything drawn anew has the same order as before. */
  const changed = () => {
    remember();
    isSealed = files.length === 0 && !workbook;
    $("done").hidden = true;
    draw();
  };

  const draw = () => {
    const held = document.activeElement && document.activeElement.getAttribute("aria-label");
    $("book-name").textContent = workbook ? workbook.name : say("workbookNone");
    $("book-out").hidden = !workbook;
    const all = Array.from(places.values());
    const asked = all.filter((p) => p.asked);
    const missing = asked.filter(isMissing);
    $("count").textContent = say("asked", { asked: asked.length, there: asked.length - missing.length, missing: missing.length });
    const groups = document.createDocumentFragment();
    for (const group of kit.groups) {
      const shown = group.places.map((p) => places.get(p.ref)).filter((p) => !$("only-missing").checked || isMissing(p));
      if (!shown.length) continue;
      groups.append(make("h3", "", group.title));
      for (const place of shown) groups.append(placeRow(place));
    }
    $("groups").replaceChildren(groups);
    $("pool").hidden = files.length === 0;
    $("files").replaceChildren(...files.map(fileRow));
    drawCheck(missing);
    drawRemembered();
    if (held) {
      const again = Array.from(document.querySelectorAll("[aria-label]")).find((n) => n.getAttribute("aria-label") === held);
      if (again) again.focus();
    }
  };

  const namesOf = (list, name) => list.slice(0, 5).map(name).join("、") + (list.length > 5 ? say("checkMore") : "");

  const drawCheck = (missing) => {
    const loose = files.filter((f) => !f.problem && !f.refs.size);
    const bad = files.filter((f) => f.problem);
    const lines = [];
    if (!workbook) lines.push(say("checkWorkbook"));
    if (missing.length) lines.push(say("checkMissing", { n: missing.length, names: namesOf(missing, (p) => p.label) }));
    if (loose.length) lines.push(say("checkLoose", { n: loose.length }));
    if (bad.length) lines.push(say("checkBad", { n: bad.length, names: namesOf(bad, (f) => f.file.name) }));
    const items = lines.map((line) => make("li", "warn", line));
    if (!lines.length) items.push(make("li", "fine", say("checkFine")));
    $("check").replaceChildren(...items);
  };

  const drawRemembered = () => {
    $("forget").hidden = !canRemember();
    if (!canRemember()) return show("remembered", say("noMemory"));
    const waiting = Object.keys(kept.files).filter((key) => !files.some((f) => f.key === key));
    show("remembered", waiting.length ? say("saved", { n: waiting.length, names: namesOf(waiting, (key) => key.split("|")[0]) }) : "");
  };

  // --- the zip -------------------------------------------------------------------------------------

  const CRC = new Uint32Array(256);
  for (let n = 0; n < 256; n += 1) {
    let c = n;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    CRC[n] = c >>> 0;
  }

  const crcOf = (bytes) => {
    let crc = 0xffffffff;
    for (let n = 0; n < bytes.length; n += 1) crc = CRC[(crc ^ bytes[n]) & 0xff] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  };

  const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");

  const dosTime = (time) => [
    (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1),
    ((time.getFullYear() - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate(),
  ];

  /** Local header (or, with an offset, directory entry) of a stored member. */
  const header = (member, [time, day], offset) => {
    const name = new TextEncoder().encode(member.path);
    const isDirectory = offset !== undefined;
    const view = new DataView(new ArrayBuffer(isDirectory ? 46 : 30));
    let at = 0;
    const put = (size, value) => {
      if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += size;
    };
    put(4, isDirectory ? 0x02014b50 : 0x04034b50);
    if (isDirectory) put(2, 20);
    for (const value of [20, 0, 0, time, day]) put(2, value);
    for (const value of [member.crc, member.size, member.size]) put(4, value);
    put(2, name.length);
    put(2, 0);
    if (isDirectory) {
      for (const value of [0, 0, 0]) put(2, value);
      put(4, 0);
      put(4, offset);
    }
    return [view.buffer, name];
  };

  const zip = (members) => {
    const stamp = dosTime(new Date());
    const parts = [];
    const directory = [];
    let offset = 0;
    let length = 0;
    for (const member of members) {
      const head = header(member, stamp);
      const entry = header(member, stamp, offset);
      parts.push(...head, member.content);
      directory.push(...entry);
      offset += head[0].byteLength + head[1].length + member.size;
      length += entry[0].byteLength + entry[1].length;
    }
    const end = new DataView(new ArrayBuffer(22));
    end.setUint32(0, 0x06054b50, true);
    end.setUint16(8, members.length, true);
    end.setUint16(10, members.length, true);
    end.setUint32(12, length, true);
    end.setUint32(16, offset, true);
    return new Blob([...parts, ...directory, end.buffer], { type: "application/zip" });
  };

  /** One file read once: size, hash, checksum. */
  const measured = async (file) => {
    let bytes;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch (_error) {
      throw new Error(say("unreadable", { name: file.name }));
    }
    return { size: bytes.length, crc: crcOf(bytes), sha256: hex(await crypto.subtle.digest("SHA-256", bytes)) };
  };

  const bytesMember = (path, text) => {
    const bytes = new TextEncoder().encode(text);
    return { path, content: bytes, size: bytes.length, crc: crcOf(bytes) };
  };

  const sign = async (bytes) => {
    const raw = new Uint8Array(kit.key.match(/../g).map((pair) => parseInt(pair, 16)));
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return hex(await crypto.subtle.sign("HMAC", key, bytes));
  };

  const sealed = async (chosen) => {
    const all = chosen.length + (workbook ? 1 : 0);
    let n = 0;
    const tell = (name) => {
      n += 1;
      $("bar").value = (n - 1) / all;
      show("progress", say("working", { n, all, name }));
    };
    const manifest = {
      format: kit.format,
      cycle: kit.cycle,
      cycle_title: kit.cycleTitle,
      entry: kit.entry,
      unit: kit.unit,
      rubric: kit.rubric,
      fingerprint: kit.fingerprint,
      issue: kit.issue,
      made_at: new Date().toISOString(),
      by: $("by").value.trim(),
      workbook: null,
      files: [],
    };
    const members = [];
    if (workbook) {
      tell(workbook.name);
      const found = await measured(workbook);
      manifest.workbook = { name: workbook.name, size: found.size, sha256: found.sha256 };
      members.push({ path: "workbook.xlsx", content: workbook, ...found });
    }
    const known = new Map();
    for (const f of chosen) {
      tell(f.file.name);
      const found = await measured(f.file);
      const same = known.get(found.sha256);
      if (same) {
        same.refs = Array.from(new Set([...same.refs, ...f.refs]));
        continue;
      }
      const path = `files/${String(known.size + 1).padStart(4, "0")}.${f.file.name.split(".").pop().toLowerCase()}`;
      const said = { path, name: f.file.name, size: found.size, sha256: found.sha256, refs: Array.from(f.refs) };
      known.set(found.sha256, said);
      manifest.files.push(said);
      members.push({ path, content: f.file, ...found });
    }
    const list = bytesMember("manifest.json", JSON.stringify(manifest, null, 1));
    const signature = bytesMember("signature.txt", await sign(list.content));
    return { blob: zip([list, signature, ...members]), n: manifest.files.length };
  };

  const refusal = (chosen) => {
    const bytes = chosen.reduce((sum, f) => sum + f.file.size, workbook ? workbook.size : 0);
    if (!chosen.length && !workbook) return say("nothing");
    if (chosen.length > kit.mostFiles) return say("tooMany", { most: kit.mostFiles, n: chosen.length });
    if (bytes > kit.packetLimit - MEGABYTE)
      return say("tooLarge", { most: Math.floor(kit.packetLimit / MEGABYTE), n: Math.ceil(bytes / MEGABYTE) });
    return "";
  };

  const seal = async () => {
    const chosen = files.filter((f) => !f.problem && f.refs.size);
    const why = refusal(chosen);
    show("seal-msg", why);
    $("done").hidden = true;
    if (why) return;
    $("seal").disabled = true;
    try {
      const { blob, n } = await sealed(chosen);
      if (made) URL.revokeObjectURL(made);
      made = URL.createObjectURL(blob);
      const name = `${kit.unit.replace(/[\\/:*?"<>|]/g, "_")}.packet.zip`;
      $("again").href = made;
      $("again").download = name;
      $("done-text").textContent = say("done", { name, size: Math.max(0.1, blob.size / MEGABYTE).toFixed(1), n });
      $("done").hidden = false;
      isSealed = true;
      $("again").click();
    } catch (error) {
      show("seal-msg", say("failed", { why: error.message }));
    } finally {
      $("seal").disabled = false;
      show("progress", "");
    }
  };

  // --- beginning -----------------------------------------------------------------------------------

  $("too-old").remove();
  $("tool").hidden = false;
  $("by").value = kept.by;
  $("by").addEventListener("change", remember);
  $("book-file").addEventListener("change", (event) => {
    if (event.target.files.length) takeWorkbook(event.target.files[0]);
    event.target.value = "";
  });
  $("book-out").addEventListener("click", () => {
    workbook = null;
    changed();
  });
  $("pool-file").addEventListener("change", (event) => {
    add(Array.from(event.target.files), "");
    event.target.value = "";
  });
  $("only-missing").addEventListener("change", draw);
  $("seal").addEventListener("click", seal);
  droppable($("book"), (event) => dropped(event).slice(0, 1).forEach(takeWorkbook));
  droppable(document.body, (event) => add(dropped(event), ""));
  $("forget").addEventListener("click", () => {
    kept.files = {};
    changed();
  });
  window.addEventListener("beforeunload", (event) => {
    if (isSealed) return;
    event.preventDefault();
    event.returnValue = say("leave");
  });
  if (!window.crypto || !crypto.subtle) {
    show("seal-msg", say("noCrypto"));
    $("seal").disabled = true;
  }
  draw();
})();
