"""Plots as PNG, and as SVG that stands in a page: no style of its own, no address, nothing named twice."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from opsctl.simulation.report.frames import WIDE
from opsctl.simulation.report.palette import INK, SURFACE, VARIABLES
from opsctl.simulation.report.plots import DRAWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.load.results import SimulationResult
    from opsctl.simulation.report.frames import Size

_DPI = 160
_REFERENCE = re.compile(r"url\(#([\w-]+)\)")
_DROPPED = {"metadata", "style", "title"}
_LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")


@contextmanager
def usual_look() -> Iterator[None]:
    """Draw as planned, whatever this machine's own settings of matplotlib are; leave those as they were."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name may have letters that the font lacks
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "opsctl", "axes.unicode_minus": False})
        yield


def to_png(name: str, result: SimulationResult, *, title: str) -> bytes:
    """Return a plot as a PNG picture with its title, for a light page."""
    figure = Figure(facecolor=SURFACE)
    FigureCanvasAgg(figure)
    DRAWN[name](figure, result, WIDE)
    for axes in figure.axes:
        axes.set_facecolor("none")
    figure.suptitle(title, x=0.02, y=1.06, ha="left", fontsize=WIDE.text + 2, color=INK, parse_math=False)
    picture = io.BytesIO()
    figure.savefig(
        picture, format="png", dpi=_DPI, metadata={"Software": "opsctl"}, bbox_inches="tight", pad_inches=0.15
    )
    return picture.getvalue()


@dataclass(slots=True)
class Sheet:
    """The looks that plots share, as classes for one stylesheet."""

    classes: dict[str, str] = field(default_factory=dict)

    def class_of(self, look: str) -> str:
        """Return the class that looks so."""
        return self.classes.setdefault(look, f"s{len(self.classes)}")

    def to_css(self) -> str:
        """Return the rules."""
        return "\n".join(f".{name}{{{look}}}" for look, name in self.classes.items())


def to_svg(name: str, result: SimulationResult, size: Size, sheet: Sheet, *, label: str) -> str:
    """Return a plot as an `<svg>` element for a page that has the sheet's rules; `label` is what it shows."""
    figure = Figure()
    FigureCanvasSVG(figure)
    DRAWN[name](figure, result, size)
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    kind = "narrow" if size.is_narrow else "wide"
    root = ET.fromstring(drawn.getvalue())  # noqa: S314 - matplotlib made it a moment ago
    view = root.attrib["viewBox"]
    _clean(root, f"{name}-{kind}-", sheet)
    root.attrib = {"class": f"plot {kind}", "viewBox": view, "role": "img", "aria-label": label}
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element, prefix: str, sheet: Sheet) -> None:
    """Leave what draws: bare names, names of one's own, classes for styles."""
    element.tag = _bare(element.tag)
    attributes = {_bare(key): value for key, value in element.attrib.items()}
    look = attributes.pop("style", "")
    identity = attributes.pop("id", None)
    if identity is not None and element.tag != "g":
        attributes["id"] = prefix + identity
    if attributes.get("href", "").startswith("#"):
        attributes["href"] = f"#{prefix}{attributes['href'][1:]}"
    for key, value in attributes.items():
        attributes[key] = _LONG_NUMBER.sub(r"\1", _REFERENCE.sub(rf"url(#{prefix}\1)", value))
    declared = _look(look)
    if declared:
        attributes["class"] = sheet.class_of(declared)
    element.attrib = attributes
    element.tail = None
    for child in list(element):
        if _bare(child.tag) in _DROPPED:
            element.remove(child)
        else:
            _clean(child, prefix, sheet)


def _look(style: str) -> str:
    """Return a style with the page's colours in it, and without a font: that is the page's."""
    kept = []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in {"font-family", "font-stretch", "font-style", "font-variant", "font-weight"}:
            continue
        kept.append(f"{key}:{_variable(value)}")
    return ";".join(kept)


def _variable(value: str) -> str:
    name = VARIABLES.get(value.lower())
    return value if name is None else f"var({name})"


def _bare(name: str) -> str:
    return name.rpartition("}")[2]
