"""What the pages of the gallery have in common: their frame, and how they look."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{head}<main>
{body}</main>
</body>
</html>
"""

HEAD = """<header class="site"><a class="home" href="index.html">{logo}scalargrad</a>
<nav aria-label="Site">{menu}</nav></header>
"""

LOGO = (
    '<svg width="24" height="20" viewBox="0 0 24 20" aria-hidden="true">'
    '<g fill="none" stroke-width="2"><path d="M4 4C12 4 12 10 19 10" stroke="#c8590c"/>'
    '<path d="M4 16C12 16 12 10 19 10" stroke="#1f6fb4"/></g>'
    '<circle cx="4" cy="4" r="3" fill="#2b7a55"/><circle cx="4" cy="16" r="3" fill="#6b4fa0"/>'
    '<circle cx="19.5" cy="10" r="3.6" fill="currentColor"/></svg>'
)

HERO = """<div class="hero"><div>
<h1>You write scalars, and you see every scalar.</h1>
<p>Networks that learn before your eyes, in plain Python, one number at a time.</p>
<p class="buttons">{buttons}</p>
</div>{picture}</div>
<div id="demos"></div>
"""

OWN = """<li class="own"><h3>Your own</h3><p>Any model, any loss that you can write.</p>
<pre><code><span class="k">import</span> viz
<span class="k">from</span> scalargrad <span class="k">import</span> data, nn

model = nn.<span class="f">MLP</span>(<span class="n">2</span>, [<span class="n">6</span>, \
<span class="n">4</span>, <span class="n">1</span>], activation=<span class="s">"tanh"</span>)
X, y = data.<span class="f">moons</span>(<span class="n">100</span>, \
noise=<span class="n">0.1</span>, seed=<span class="n">1</span>)
page = viz.<span class="f">explore</span>(model, data=(X, y), train=<span class="k">True</span>)
page.<span class="f">save</span>(<span class="s">"my-network.html"</span>)
</code></pre><p>One file, no network: mail it, or put it on a slide.</p></li>
"""

STYLE = """
:root { color-scheme: light dark }
:root { --page: #ffffff; --ink: #1b1f24; --muted: #59636e; --button: #1f6fb4 }
:root { --line: #d0d7de; --card: #f6f8fa; --link: #1f6fb4 }
:root { --string: #24694a; --number: #6b4fa0; --key: #a8470a }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1419; --ink: #e6edf3; --muted: #9aa7b4; --button: #1f6fb4 }
  :root { --line: #2d3640; --card: #151b22; --link: #6db8f2 }
  :root { --string: #7cc7a0; --number: #b9a3e3; --key: #f5a35c }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink) }
body { font: 15px/1.6 Helvetica, Arial, 'Liberation Sans', sans-serif }
main, .site { max-width: 74rem; margin: 0 auto }
main { padding-bottom: 4rem }
body { padding: 0 1.25rem }
.site { display: flex; justify-content: space-between; align-items: center; min-height: 3.5rem }
.site { border-bottom: 1px solid var(--line); flex-wrap: wrap }
.site a { color: var(--muted); text-decoration: none; padding: 0.5rem 0 }
.site .home { display: flex; gap: 0.6rem; align-items: center; font-weight: 700; font-size: 17px }
.site .home { color: var(--ink) }
.site nav { display: flex; gap: 1.4rem }
.site nav a:hover { color: var(--link) }
h1 { margin: 0.3rem 0 0.5rem; font-size: 2rem; letter-spacing: -0.02em; line-height: 1.2 }
h2 { margin: 2.6rem 0 0.9rem; font-size: 1.3rem; letter-spacing: -0.01em; line-height: 1.3 }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.2em }
a:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
.trail { display: flex; justify-content: space-between; margin: 1.1rem 0 0; font-size: 13px }
.trail { color: var(--muted); gap: 1rem }
.lead { max-width: 58rem; margin: 0 0 1rem; font-size: 17px; color: var(--muted) }
.buttons { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 0 0 1.3rem }
.button { display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0.4rem 1.1rem }
.button { border: 1px solid var(--line); border-radius: 9px; font-weight: 700; font-size: 14px }
.button { color: var(--ink); text-decoration: none; line-height: 1.3 }
.button:hover { border-color: var(--link) }
.button.main { background: var(--button); border-color: var(--button); color: #ffffff }
.two { display: grid; grid-template-columns: minmax(0, 25.9rem) minmax(0, 1fr); gap: 1.5rem }
.two > div, .pictures { display: grid; gap: 1.5rem; align-content: start }
.two > div { grid-template-columns: minmax(0, 1fr) }
.pictures { grid-template-columns: repeat(2, minmax(0, 1fr)); margin-top: 1.5rem }
.pictures .wide { grid-column: 1 / -1 }
.story p { margin: 0 0 0.9rem; max-width: 44rem }
figure, .code, .formula { margin: 0; border: 1px solid var(--line); border-radius: 12px }
figure, .code { overflow: hidden }
.scroller { display: block; overflow-x: auto; padding: 1rem }
figure img { display: block; margin: 0 auto }
figcaption { padding: 0.7rem 1rem; border-top: 1px solid var(--line); background: var(--card) }
figcaption { font-size: 13.5px; line-height: 1.5; color: var(--muted) }
.code { background: var(--card) }
.code > p { display: flex; justify-content: space-between; margin: 0; padding: 0.6rem 1rem }
.code > p { border-bottom: 1px solid var(--line); font-size: 13px; color: var(--muted) }
.code > p a { font-weight: 700 }
pre { margin: 0 }
code, pre { font-family: 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace }
.code pre { padding: 0.7rem 1rem 0.8rem 0; font-size: 12.5px; line-height: 1.65 }
.code pre { white-space: pre-wrap; overflow-wrap: anywhere }
.l, .r { display: block; position: relative; padding-left: 5.4rem; text-indent: -2rem }
.l::before { content: attr(data-n); position: absolute; left: 0; width: 2.4rem }
.l::before { text-indent: 0; text-align: right; color: var(--muted) }
.l:target { background: color-mix(in srgb, var(--link) 16%, transparent) }
.r { color: var(--string) }
.k { color: var(--key) } .s { color: var(--string) } .n { color: var(--number) }
.f { color: var(--link) } .c { color: var(--muted) }
.formula { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center }
.formula { margin-top: 1.5rem; background: var(--card) }
.formula math { font-size: 1.25rem }
.formula p { flex: 1 1 16rem; max-width: 26rem; margin: 0; padding: 1rem; color: var(--muted) }
h2.small { font-size: 1.05rem; margin: 2rem 0 0.5rem }
.numbers { margin: 0; columns: 2; column-gap: 3rem }
.numbers div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1.5rem }
.numbers div { padding: 0.4rem 0; border-top: 1px solid var(--line); break-inside: avoid }
.numbers dt { flex: 1 1 12rem; color: var(--muted) }
.numbers dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums }
.numbers .digits dd { font: 13.5px/1.75 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace }
.numbers .long dd { flex: 1 1 100%; text-align: left; overflow-wrap: anywhere }
.readme > p, .readme > ul { max-width: 52rem }
.readme h1 { margin-top: 1.6rem }
.readme .code { margin: 1rem 0; overflow: visible }
.readme .code pre { padding-left: 1rem }
.readme img { display: block; max-width: 100%; height: auto; margin: 1rem 0 }
p code, li code, td code { font-size: 0.9em; overflow-wrap: anywhere }
table { border-collapse: collapse; font-size: 14px }
th, td { padding: 0.4rem 1.2rem 0.4rem 0; border-bottom: 1px solid var(--line); text-align: left }
td { vertical-align: top }
.on { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.5rem 2rem }
.on { margin-top: 2.5rem }
@media (min-width: 74rem) {
  .fit img { max-width: 100%; height: auto }
}
@media (max-width: 62rem) {
  .two { grid-template-columns: minmax(0, 1fr) }
  .pictures { grid-template-columns: minmax(0, 1fr) }
}
@media (max-width: 44rem) {
  h1 { font-size: 1.6rem }
  .numbers { columns: 1 }
  .scroller { padding: 0.7rem }
  .l, .r { padding-left: 3.9rem; text-indent: -1.2rem }
  .l::before { width: 2rem }
}
"""

CARD_STYLE = """
.hero { display: grid; grid-template-columns: minmax(0, 25rem) minmax(0, 1fr); gap: 2.5rem }
.hero { align-items: center; margin: 2.2rem 0 0 }
.hero h1 { font-size: 2.7rem; line-height: 1.12 }
.hero p { font-size: 17px; color: var(--muted); margin: 0 0 1.2rem }
.stage { display: block; border: 1px solid var(--line); border-radius: 12px; overflow: hidden }
.stage { box-shadow: 0 8px 30px rgb(0 0 0 / 12%) }
.stage img { display: block; width: 100%; height: auto }
.stage img { max-width: none }
h2 .what { margin-left: 0.8rem; font-weight: 400; font-size: 15px; color: var(--muted) }
h2 .what { letter-spacing: 0 }
.cards { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 1rem }
.cards { margin: 0; padding: 0; list-style: none }
.cards li { display: flex; flex-direction: column; overflow: hidden }
.cards li { border: 1px solid var(--line); border-radius: 12px }
.cards li:hover { border-color: var(--link) }
.cards a { color: var(--ink); text-decoration: none }
.cover { display: block; position: relative; aspect-ratio: 3 / 2; overflow: hidden }
.cover { border-bottom: 1px solid var(--line) }
.cover img { position: absolute; height: auto; max-width: none }
.cards h3 { margin: 0.7rem 0.9rem 0; font-size: 15px; line-height: 1.3 }
.cards p { margin: 0.2rem 0.9rem 0.5rem; font-size: 13.5px; line-height: 1.4; color: var(--muted) }
.cards .badges { display: flex; gap: 0.4rem; margin: auto 0.9rem 0.8rem }
.badge { display: inline-block; padding: 0.05rem 0.6rem; border: 1px solid var(--line) }
.badge { border-radius: 1rem; font-size: 12px; font-weight: 700; color: var(--link) }
.cards .own { grid-column: span 3; background: var(--card); padding-bottom: 0.4rem }
.own pre { margin: 0.4rem 0.9rem; font-size: 13px; line-height: 1.6; white-space: pre-wrap }
.end { margin: 2.5rem 0 0; padding-top: 1.2rem; border-top: 1px solid var(--line) }
.end { color: var(--muted); font-size: 14px }
@media (max-width: 70rem) {
  .hero { grid-template-columns: minmax(0, 1fr); gap: 1.4rem }
  .cards { grid-template-columns: repeat(3, minmax(0, 1fr)) }
  .cards .own { grid-column: 1 / -1 }
}
@media (max-width: 44rem) {
  .hero { margin-top: 1.3rem }
  /* At its own size: the plane and the loss, which are at the right, can be read. */
  .stage img { width: 48.2rem; margin-left: calc(100% - 48.2rem) }
  .hero h1 { font-size: 2rem }
  .cards { grid-template-columns: minmax(0, 1fr) }
  h2 .what { display: block; margin: 0 }
}
"""
