"""Reports of the sample runs, and what a test reads in a page."""

from html.parser import HTMLParser

from support.simulated import a_blind_result, a_partial_result, a_result

from opsctl.core.load.judging import judge
from opsctl.core.load.thresholds import parse_threshold

THRESHOLDS = ("degraded.p95<100ms", "restored.p95<1ms", "degraded.cpu<1")
RESULTS = {"whole": a_result, "partial": a_partial_result, "blind": a_blind_result}


def judged(result, *expressions):
    return judge([parse_threshold(one, result.scenario) for one in expressions or THRESHOLDS], result)


class Page(HTMLParser):
    """A page as a browser takes it in: its elements with their attributes, and its text by element."""

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.texts = {}
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    @property
    def text(self):
        return " ".join(" ".join(part for tag in self.texts if tag != "style" for part in self.texts[tag]).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
