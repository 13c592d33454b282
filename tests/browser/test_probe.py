from tests.e2e.harness import serving
import pytest
pytestmark = pytest.mark.browser
def test_probe(app, world, visit):
    with serving(app) as server:
        v = visit(server)
        v.sign_in("lead1", "correct-horse-9")
        print(v.words()[:500])
        v.go(f"/entries/{world.entries['g01']}/indicators/A2")
        print(v.words())
        print(v.page.content())
