"""The same figures as pictures: bars, one SVG for each table of CPU time."""

from statistics import median

from harness.summary import GROWTH, STEADY_ROWS, quiet, select

COLOURS = {"Forebay": "#0a7d5a", "bare hyper": "#9aa5b1", "epoll loop": "#9aa5b1"}
OTHER = "#c9d1d9"
WIDTH, LABEL, BAR, GAP = 720, 210, 18, 6


def draw(directory, results):
    rows = quiet(select(results, measurement="steady"))
    for workload in dict.fromkeys(row["workload"] for row in rows):
        bars = [(server, select(rows, workload=workload, server=server)) for server in STEADY_ROWS]
        save(directory, f"cpu-{workload}", f"{workload}: CPU time of the proxy per request, us", bars)
    rows = quiet(select(results, measurement="growth"))
    for of, what in GROWTH.items():
        own = select(rows, of=of)
        variants = dict.fromkeys(row["variant"] for row in own)
        bars = [(str(variant), select(own, variant=variant)) for variant in variants]
        save(directory, f"growth-{of}", f"A hit of 1 KiB by {what}: CPU time per request, us", bars)


def save(directory, name, title, bars):
    bars = [(label, [row["cpu_us"] for row in rows]) for label, rows in bars if rows]
    if bars:
        (directory / f"{name.replace(' ', '-')}.svg").write_text(svg(title, bars))


def svg(title, bars):
    """Medians as bars, with a line from the lowest to the highest."""
    most = max(max(values) for _, values in bars)
    height = 40 + len(bars) * (BAR + GAP)
    scale = (WIDTH - LABEL - 70) / most
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-weight="bold">{title}</text>',
    ]
    for number, (label, values) in enumerate(bars):
        top, middle = 34 + number * (BAR + GAP), median(values)
        text = top + BAR - 4
        parts += [
            f'<text x="{LABEL - 8}" y="{text}" text-anchor="end">{label}</text>',
            f'<rect x="{LABEL}" y="{top}" width="{middle * scale:.1f}" height="{BAR}" fill="{COLOURS.get(label, OTHER)}"/>',
            f'<path d="M{LABEL + min(values) * scale:.1f} {top + BAR / 2}H{LABEL + max(values) * scale:.1f}" stroke="#24292f"/>',
            f'<text x="{LABEL + max(values) * scale + 8:.1f}" y="{text}">{middle:.1f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
