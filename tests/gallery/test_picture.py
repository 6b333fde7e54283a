"""What the gallery takes from a page."""

from tests.gallery.picture import Shown, document, shown

PAGE = """
<p class="finding">The highest is <code>a&lt;b</code>, <strong>3&nbsp;times</strong>.</p>
<figure>
<div class="wide"><svg class="figure"><text>no <p class="finding"> here</text></svg></div>
<figcaption class="define">Dots are <dfn>medians</dfn>. <span class="files">Files: \
<a href="figures/ratios.svg">SVG</a>, <a href="figures/ratios.png">PNG</a>.</span></figcaption>
</figure>
<p class="finding">A sentence without a figure.</p>
<table></table>
<p class="finding">Second.</p>
<figure><figcaption class="define">Read so. <span class="files">Files: \
<a href="figures/chunk_cost.svg">SVG</a></span></figcaption></figure>
"""


def test_figures_with_their_words() -> None:
    assert shown(PAGE) == [
        Shown("ratios", "The highest is `a<b`, **3 times**.", "Dots are **medians**."),
        Shown("chunk_cost", "Second.", "Read so."),
    ]


def test_the_document() -> None:
    text = document(shown(PAGE), ["`run`: All modes cost more."], "gallery", "gallery/report.png")
    assert text.startswith("# Gallery\n")
    assert "- `run`: All modes cost more." in text
    assert "![The first screen of a report](gallery/report.png)" in text
    assert "## What each mode costs\n\nThe highest is" in text
    assert "![What a chunk costs](gallery/chunk_cost.svg)" in text
