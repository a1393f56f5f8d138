"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const say = document.body.dataset;
  const cards = all(".card");
  const bars = all(".bar");
  const form = document.querySelector(".filters");

  // Filters: a card is shown when every choice fits and its text holds every word.
  const texts = new Map();
  const textOf = (card) => {
    if (!texts.has(card)) texts.set(card, card.querySelector(".text").textContent.toLowerCase());
    return texts.get(card);
  };
  const apply = () => {
    const choices = all("select", form).filter((select) => select.value);
    const needles = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const fits = choices.every((select) => card.dataset[select.name] === select.value)
        && needles.every((needle) => textOf(card).includes(needle));
      card.hidden = !fits;
      shown += fits;
    }
    for (const bar of bars) bar.classList.toggle("dim", cards[bar.dataset.e].hidden);
    form.elements.shown.value = say.of.replace("{shown}", shown).replace("{all}", cards.length);
    form.querySelector("[type=reset]").hidden = !choices.length && !needles.length;
    document.querySelector(".empty.none").hidden = shown > 0;
  };
  if (form) {
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
    apply(); // a browser may have kept the choices over a reload
  }

  // Timeline: hover, focus or a first tap shows the event, a click goes to its card.
  const tip = document.getElementById("tip");
  const hideTip = () => {
    tip.hidden = true;
    all(".bar.on").forEach((bar) => bar.classList.remove("on"));
  };
  const add = (parent, tag, text, name) => {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (name) node.className = name;
    parent.append(node);
    return node;
  };
  const showTip = (bar) => {
    const card = cards[bar.dataset.e];
    hideTip();
    tip.replaceChildren();
    const picture = card.querySelector(".shot img");
    if (picture) add(tip, "img").src = picture.src;
    add(tip, "b", card.querySelector("h3").textContent);
    add(tip, "div", card.querySelector(".when span:last-child").textContent, "soft");
    add(tip, "div", card.querySelector(".sentence").textContent);
    add(tip, "div", say.jump, "jump");
    bar.classList.add("on");
    tip.hidden = false;
    placeTip(bar);
  };
  const placeTip = (bar) => {
    const at = bar.getBoundingClientRect();
    const left = Math.min(innerWidth - tip.offsetWidth - 8, Math.max(8, at.left + at.width / 2 - tip.offsetWidth / 2));
    const below = at.bottom + 10 + tip.offsetHeight < innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? at.bottom + 10 : Math.max(8, at.top - 10 - tip.offsetHeight)}px`;
  };
  const jump = (number) => {
    const card = cards[number];
    if (card.hidden) {
      form.reset();
      setTimeout(() => jump(number), 20);
      return;
    }
    hideTip();
    all(".card.lit").forEach((other) => other.classList.remove("lit"));
    card.classList.add("lit");
    card.scrollIntoView({ block: "start" });
    card.focus({ preventScroll: true });
  };
  for (const timeline of all(".timeline")) {
    const own = all(".bar", timeline).sort((a, b) => a.dataset.e - b.dataset.e);
    own.forEach((bar, n) => { bar.tabIndex = n ? -1 : 0; });
    let touched = null;
    for (const [n, bar] of own.entries()) {
      bar.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") showTip(bar); });
      bar.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideTip(); });
      bar.addEventListener("pointerdown", (event) => {
        touched = event.pointerType === "touch" && !bar.classList.contains("on") ? bar : null;
      });
      bar.addEventListener("focus", () => showTip(bar));
      bar.addEventListener("blur", hideTip);
      bar.addEventListener("click", (event) => {
        event.preventDefault();
        if (touched === bar) showTip(bar);
        else jump(bar.dataset.e);
        touched = null;
      });
      bar.addEventListener("keydown", (event) => {
        const to = { ArrowRight: n + 1, ArrowDown: n + 1, ArrowLeft: n - 1, ArrowUp: n - 1, Home: 0, End: own.length - 1 }[event.key];
        if (event.key === "Escape") hideTip();
        if (to === undefined || !own[to]) return;
        event.preventDefault();
        bar.tabIndex = -1;
        own[to].tabIndex = 0;
        own[to].focus();
      });
    }
  }
  // A focus moved by the keyboard scrolls the page: its tip goes along.
  addEventListener("scroll", () => {
    const bar = document.querySelector(".bar.on");
    if (bar && bar === document.activeElement) placeTip(bar);
    else hideTip();
  }, { passive: true });
  document.addEventListener("pointerdown", (event) => { if (!event.target.closest(".bar")) hideTip(); });

  // Clips: one plays at a time, in the place of its picture.
  let stop = () => {};
  const blobOf = (key) => {
    const text = atob(document.getElementById(key).textContent.trim());
    return URL.createObjectURL(new Blob([Uint8Array.from(text, (c) => c.charCodeAt(0))], { type: "video/mp4" }));
  };
  for (const button of all(".play")) {
    button.addEventListener("click", () => {
      const playing = button.classList.contains("playing");
      stop();
      if (playing) return;
      const shot = button.closest(".card").querySelector(".shot");
      const still = shot.firstElementChild;
      const source = button.dataset.key ? blobOf(button.dataset.key) : button.dataset.href;
      const video = document.createElement("video");
      Object.assign(video, { src: source, controls: true, autoplay: true, playsInline: true, muted: true });
      video.addEventListener("error", () => {
        const trouble = document.createElement("p");
        trouble.className = "trouble";
        trouble.textContent = `${video.error?.code === 4 && !button.dataset.key ? say.missing : say.badCodec} `;
        const link = add(trouble, "a", say.open);
        link.href = source;
        if (button.dataset.key) link.download = "clip.mp4";
        video.replaceWith(trouble);
      });
      still.hidden = true;
      shot.append(video);
      button.classList.add("playing");
      button.textContent = say.close;
      stop = () => {
        while (still.nextSibling) still.nextSibling.remove();
        still.hidden = false;
        if (button.dataset.key) URL.revokeObjectURL(source);
        button.classList.remove("playing");
        button.textContent = say.play;
        stop = () => {};
      };
    });
  }

  // Pictures in full size, with a step to the next shown event.
  const large = document.getElementById("large");
  let at = 0;
  const show = (number) => {
    at = number;
    large.querySelector("img").src = cards[at].querySelector(".shot img").src;
    large.querySelector("p").textContent = cards[at].querySelector(".sentence").textContent;
    if (!large.open) large.showModal();
  };
  const step = (by) => {
    for (let n = at + by; n >= 0 && n < cards.length; n += by) {
      if (!cards[n].hidden && cards[n].querySelector(".shot img")) { show(n); return; }
    }
  };
  cards.forEach((card, n) => card.querySelector(".enlarge")?.addEventListener("click", () => show(n)));
  all("[data-step]", large).forEach((button) => button.addEventListener("click", () => {
    const by = Number(button.dataset.step);
    if (by) step(by);
    else large.close();
  }));
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
  large.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") step(1);
    if (event.key === "ArrowLeft") step(-1);
  });

  // Tracks: pointing at one, in the picture or the list, lets the others fade.
  for (const figure of all(".tracks")) {
    for (const item of all("[data-track]", figure)) {
      item.addEventListener("pointerenter", () => {
        figure.classList.add("one");
        figure.querySelector(`g[data-track="${item.dataset.track}"]`).classList.add("on");
      });
      item.addEventListener("pointerleave", () => {
        figure.classList.remove("one");
        all(".on", figure).forEach((track) => track.classList.remove("on"));
      });
    }
  }

  // On paper everything is open.
  addEventListener("beforeprint", () => all("details:not([open])").forEach((d) => { d.open = true; d.dataset.wasShut = ""; }));
  addEventListener("afterprint", () => all("details[data-was-shut]").forEach((d) => { d.open = false; delete d.dataset.wasShut; }));
})();
