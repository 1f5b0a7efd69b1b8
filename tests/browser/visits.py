"""One visitor's page, and what it did over the network."""

AVATARS = ".avatar img"


class Visit:
    """A page that is open. `requests` lists what it asked the network for since `forget_requests`."""

    def __init__(self, page, url):
        self.page = page
        self.requests, self.navigations, self.console = [], [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("framenavigated", lambda frame: self.navigations.append(frame.url))
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.goto(url)

    @property
    def mode(self):
        return self.page.locator("html").get_attribute("data-mode")

    def wait_for_mode(self, mode):
        self.page.wait_for_selector(f"html[data-mode={mode}]", timeout=20_000)

    def wait_until_connected(self):
        self.page.wait_for_selector("html[data-connection=live]", timeout=20_000)

    def wait_until_quiet(self):
        """Return when every avatar has arrived and nothing is being fetched any more."""
        self.page.wait_for_load_state("networkidle")

    def forget_requests(self):
        self.requests.clear()
        self.navigations.clear()

    def avatars(self):
        return self.page.locator(AVATARS).count()

    def errors(self):
        return [line for line in self.console if line.startswith("error")]
