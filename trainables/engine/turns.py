from threading import Lock


class Turns:
    """A lock that nobody can keep for himself by taking it again and again.

    Python's own goes to whoever is first, and a thread that has just let it go is: others might wait for hours for one
    that computes. Here who waits comes before who returns.
    """

    def __init__(self) -> None:
        self._next, self._held = Lock(), Lock()

    def __enter__(self) -> None:
        with self._next:
            self._held.acquire()

    def __exit__(self, *_error: object) -> None:
        self._held.release()
