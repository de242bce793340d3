"""The style sheet of the HTML report: nothing from elsewhere, light and dark, and black on white in print."""

CSS = """
:root { color-scheme: light dark;
  --ground: #f7f7f5; --card: #ffffff; --ink: #1c1e21; --mute: #5d646d; --rule: #dcdee1;
  --good: #1a7f4b; --bad: #c0352b; --open: #9a6700; --quiet: #5d646d; --accent: #2b5fa8;
  --good-wash: #e3f4ea; --bad-wash: #fbe7e5; --open-wash: #fdf1d3; --quiet-wash: #eeeff1; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14161a; --card: #1d2025; --ink: #e6e8eb; --mute: #9aa3ad; --rule: #343941;
  --good: #5fcf93; --bad: #f28b82; --open: #e3b341; --quiet: #9aa3ad; --accent: #7fb0f5;
  --good-wash: #17382a; --bad-wash: #43211f; --open-wash: #3d3112; --quiet-wash: #292d34; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 28px 20px 48px; }
header { border-left: 6px solid var(--tone, var(--quiet)); background: var(--card); padding: 18px 22px;
  border-radius: 4px; }
h1 { font-size: 15px; font-weight: 600; margin: 0 0 6px; color: var(--mute); }
header p { font-size: 20px; line-height: 1.35; margin: 0; }
h2 { font-size: 18px; margin: 0 0 6px; }
section { background: var(--card); border-radius: 4px; padding: 18px 22px; margin-top: 16px; }
section p { margin: 0 0 12px; color: var(--mute); max-width: 80ch; }
.word { font-weight: 700; text-transform: uppercase; letter-spacing: .04em; color: var(--tone, var(--quiet)); }
.good { --tone: var(--good); --wash: var(--good-wash); } .bad { --tone: var(--bad); --wash: var(--bad-wash); }
.open { --tone: var(--open); --wash: var(--open-wash); } .quiet { --tone: var(--quiet); --wash: var(--quiet-wash); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin-top: 16px; }
.tile { background: var(--card); border-radius: 4px; padding: 12px 14px; overflow-wrap: anywhere; }
.tile b { display: block; font-size: 21px; line-height: 1.25; font-weight: 600; }
.tile > span { color: var(--mute); font-size: 13px; display: block; }
.tile .label { margin-left: 2px; }
.label { font-size: 12px; border: 1px solid var(--rule); border-radius: 9px; padding: 0 7px; color: var(--mute);
  white-space: nowrap; vertical-align: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; margin: 4px 0 12px; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px 6px 8px; border-bottom: 1px solid var(--rule);
  overflow-wrap: break-word; }
th { color: var(--mute); font-weight: 600; }
tr.good td:first-child, tr.bad td:first-child, tr.open td:first-child, tr.quiet td:first-child {
  box-shadow: inset 3px 0 0 var(--tone); }
ul { margin: 4px 0; padding-left: 20px; } li { margin: 3px 0; }
pre { margin: 6px 0 0; padding: 10px 12px; background: var(--ground); border-radius: 4px; font-size: 13px;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 22em; overflow-y: auto; }
main.wide { max-width: 1248px; padding: 14px 16px 40px; }
.wide header { padding: 8px 18px; } .wide header p { font-size: 16.5px; } .wide h1 { margin-bottom: 2px; }
.wide .tiles, .wide .opening { margin-top: 10px; gap: 10px; } .wide .tile { padding: 9px 14px; }
.tile math { display: inline math; font-size: 1.1em; color: var(--ink); }
.opening { display: grid; grid-template-columns: minmax(0, 1.3fr) minmax(0, 1fr); align-items: start; }
.opening > div { display: grid; gap: 10px; } .opening section { margin-top: 0; padding: 7px 16px; font-size: 14px; }
.opening h2 { font-size: 15px; margin: 0 0 2px; } .opening section p { margin-bottom: 6px; font-size: 13px; }
.opening ul { margin: 0; font-size: 12.5px; line-height: 1.35; } .opening li { margin: 0; }
.opening li .label { font-size: 11px; padding: 0 5px; vertical-align: 0; }
.opening table { font-size: 13px; margin: 0; }
.opening pre { font-size: 11.5px; line-height: 1.3; padding: 6px 10px; margin: 2px 0 0; max-height: 20em; }
@media (max-width: 1000px) { .opening { grid-template-columns: minmax(0, 1fr); } }
.formula { margin: 10px 0; padding: 4px 0; overflow-y: hidden; }
.formula math { font-size: 1.05em; } .formula code { font-size: 13px; }
footer { color: var(--mute); font-size: 13px; margin-top: 18px; }
svg { width: 100%; height: auto; display: block;
  font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
svg text { fill: var(--ink); } svg .mute { fill: var(--mute); font-size: 12px; } svg .strong { font-weight: 600; }
svg .small { font-size: 13px; } svg text.good, svg text.bad, svg text.open, svg text.quiet { fill: var(--tone); }
svg .halo { paint-order: stroke; stroke: var(--card); stroke-width: 4px; font-size: 12px; }
.grid { stroke: var(--rule); stroke-width: 1; } .level { stroke: var(--mute); stroke-dasharray: 5 4; }
.bound { stroke: var(--accent); stroke-width: 1.8; } .dot { fill: var(--good); } .dot.out { fill: var(--bad); }
.first { stroke: var(--bad); stroke-width: 1.2; stroke-dasharray: 2 3; }
.bar { fill: var(--tone, var(--accent)); }
.face { fill: var(--wash, var(--quiet-wash)); fill-opacity: .62; stroke: none; }
.edge { stroke: var(--ink); stroke-width: 1.3; } .vertex { fill: var(--ink); }
.badge { fill: var(--card); stroke: var(--tone, var(--quiet)); stroke-width: 2; } .badge.solid { fill: var(--tone); }
svg text.number { font-weight: 700; } svg text.number.solid { fill: var(--card); }
@media print { :root { --ground: #fff; --card: #fff; --ink: #000; --mute: #444; --rule: #bbb; --good: #1a7f4b;
  --bad: #c0352b; --open: #9a6700; --quiet: #444; --accent: #2b5fa8; --good-wash: #e3f4ea; --bad-wash: #fbe7e5;
  --open-wash: #fdf1d3; --quiet-wash: #eeeff1; }
  main, main.wide { max-width: none; padding: 0; } .opening { grid-template-columns: minmax(0, 1fr); }
  section, header, .tile { border: 1px solid var(--rule); }
  header { border-left-width: 6px; border-left-color: var(--tone); } pre { max-height: none; }
  section { break-inside: auto; } svg, tr, .tile, .opening section { break-inside: avoid; }
  h2, section > p { break-after: avoid; } .scroll { overflow: visible; } table { font-size: 12px; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
