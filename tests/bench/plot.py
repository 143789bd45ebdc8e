"""The picture of a run: bars for the boot and exec of all subjects, and the boots of a growing number of zones."""

import importlib.util

from bench.rounds import quantile

OURS = "#1b6ca8"
THEIRS = "#b8bec5"
FLOOR = "#7a7a7a"
BARS = (("boot.init", "Boot: request to init's first instruction"),
        ("boot.whole", "Start and stop, whole"),
        ("exec.static", "Exec of a static program, whole command"),
        ("debian.boot", "Debian with systemd, until it runs"))
# the same on a host with systemd
BARS += (("host.init", "Host with systemd: request to init's first instruction"),
         ("host.whole", "Host with systemd: start and stop, whole"),
         ("host.debian.boot", "Host with systemd: Debian, until it runs"))
BARE = ("floor", "setns+exec", "bare C++")


def color(subject):
    if subject in BARE:
        return FLOOR
    return OURS if subject.startswith(("zone", "zoned")) else THEIRS


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def bars(axes, results, measure, title):
    subjects = sorted(results.subjects(measure), key=lambda one: results.median(measure, one), reverse=True)
    lows, middles, highs = zip(*(results.spread(measure, subject) for subject in subjects))
    # one very late round shall not make all bars small: its line ends earlier
    room = min(max(highs), 2 * max(middles))
    ends = [min(high, room) for high in highs]
    errors = [[middle - low for low, middle in zip(lows, middles)], [end - middle for end, middle in zip(ends, middles)]]
    axes.barh(subjects, middles, xerr=errors, color=[color(subject) for subject in subjects],
              error_kw={"elinewidth": 0.8, "ecolor": "#444444"}, height=0.65)
    for place, (middle, end) in enumerate(zip(middles, ends)):
        axes.text(end + room * 0.02, place, number(middle), va="center", fontsize=8)
    axes.set_xlim(0, room * 1.14)
    margin = 0.7 + max(0, 4 - len(subjects)) / 2  # few bars shall not be fat ones
    axes.set_ylim(-margin, len(subjects) - 1 + margin)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel("ms (median; 10 % to 90 %)", fontsize=8)


def growth(axes, results):
    points = [(int(subject.split()[1]), values) for (measure, subject), values in results.series.items()
              if measure == "scale.boot"]
    numbers = [number for number, _ in points]
    axes.fill_between(numbers, [quantile(values, 0.1) for _, values in points],
                      [quantile(values, 0.9) for _, values in points], color=OURS, alpha=0.2, linewidth=0)
    axes.plot(numbers, [quantile(values, 0.5) for _, values in points], color=OURS, marker="o", markersize=3)
    axes.set_ylim(bottom=0)
    axes.set_title("Boot of a zone, while so many run", fontsize=10, loc="left")
    axes.set_xlabel("zones", fontsize=8)
    axes.set_ylabel("ms to init", fontsize=8)


def draw(results, path):
    """Returns False, and leaves no picture, where nothing of what it shows was measured or matplotlib is missing."""
    path.unlink(missing_ok=True)
    panels = [(lambda axes, m=measure, t=title: bars(axes, results, m, t)) for measure, title in BARS
              if results.subjects(measure)]
    if results.subjects("scale.boot"):
        panels.append(lambda axes: growth(axes, results))
    if not panels or not importlib.util.find_spec("matplotlib"):
        return False
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "zoned", "font.size": 9,
                                "font.family": "sans-serif", "axes.spines.top": False, "axes.spines.right": False})
    rows = (len(panels) + 1) // 2
    figure, grid = pyplot.subplots(rows, 2, figsize=(11, 2.9 * rows), squeeze=False)
    places = [axes for line in grid for axes in line]
    for axes, panel in zip(places, panels):
        panel(axes)
        axes.tick_params(labelsize=8)
    for axes in places[len(panels):]:
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    return True
