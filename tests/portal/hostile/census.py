"""Asks a page in a browser what is on it that no template of ours wrote, and whose text turns another's around."""

from __future__ import annotations

WATCH = """() => {
  document.addEventListener("securitypolicyviolation", (event) =>
    tellTheTest(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`))
  for (const name of ["alert", "confirm", "prompt", "print"])
    window[name] = (text) => void tellTheTest(`${name}(${text})`)
}"""
"""Runs before a page's own scripts: what texts try to call tells on them."""

FOREIGN = """() => {
  const found = []
  const strange = "iframe,frame,object,embed,math,marquee,video,audio,base,animate,img,applet,template,link[rel=stylesheet]:not([href^='/static/']),script:not([src^='/static/'])"
  for (const element of document.querySelectorAll(strange)) found.push(element.outerHTML.slice(0, 90))
  for (const element of document.querySelectorAll("style")) if (!element.nonce) found.push(element.outerHTML.slice(0, 90))
  for (const element of document.querySelectorAll("svg:not(.icon, .visual-chart), svg.icon > :not(use)"))
    found.push(element.outerHTML.slice(0, 90))
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name.startsWith("hx-on")) found.push(`${element.localName}[${name}]`)
      if (!["href", "src", "action", "formaction", "xlink:href", "poster", "hx-get", "hx-post"].includes(name)) continue
      const address = new URL(value, document.baseURI)
      const ours = address.origin === location.origin
      const led = element.localName === "a" && ["http:", "https:", "mailto:"].includes(address.protocol)
      if (!ours && !(led && !address.host.endsWith("evil.example"))) found.push(`${element.localName}[${name}=${value}]`)
    }
  }
  return found
}"""
"""Elements, handlers and addresses that are none of ours."""

TURNING = """() => {
  const found = new Set()
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const inline = (element) => getComputedStyle(element).display.startsWith("inline") &&
    !getComputedStyle(element).display.includes("-")
  const isolates = (element) => /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi) || !inline(element)
  for (let text; (text = texts.nextNode()); ) {
    if (!/[\\u202a-\\u202e\\u2066-\\u2069]/.test(text.data)) continue
    let holder = text.parentElement
    if (!holder.checkVisibility() || holder.closest("textarea, select, script, style, .xterm, .cm-editor")) continue
    while (!isolates(holder)) holder = holder.parentElement
    const others = [...holder.childNodes].some((node) => !node.contains(text) &&
      (node.nodeType === Node.TEXT_NODE ? node.data.trim() !== "" : node.nodeType === Node.ELEMENT_NODE && inline(node) && node.innerText?.trim()))
    if (others) found.add(`${holder.localName}.${holder.className}: ${holder.innerText.trim().slice(0, 80)}`)
  }
  return [...found]
}"""
"""Texts with marks that turn the direction around, in a line which something else stands in, too."""

WIDE = """() => {
  if (document.documentElement.scrollWidth <= innerWidth) return []
  const scrolls = (element) => element && (getComputedStyle(element).overflowX !== "visible" || scrolls(element.parentElement))
  return [...document.querySelectorAll("main *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth && !scrolls(element.parentElement))
    .slice(0, 3).map((element) => `too wide: ${element.outerHTML.slice(0, 160)}`)
}"""
"""What makes the page wider than the screen, if it is."""

OPENED = """() => {
  for (const details of document.querySelectorAll("details")) details.open = true
  for (const dialog of document.querySelectorAll("dialog:not([open])")) { dialog.showModal(); dialog.close(); dialog.show() }
}"""
"""Everything that a person could open, opened."""
