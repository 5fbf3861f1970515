"""What a report takes in of a picture, and what it refuses."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.experiments.inlining import inline_picture
from twolayer.experiments.making import _pictures

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
PICTURES = sorted((Path(__file__).parents[1] / "docs/figures").glob("*/figure.svg"))


def inlined(folder, content: str) -> str:
    path = folder / "figure.svg"
    path.write_text(content, encoding="utf-8")
    return inline_picture(path, "f0")


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.parent.name)
def test_the_pictures_of_the_documents_are_taken_in_whole(path):
    def kinds(root):
        return Counter(element.tag.rpartition("}")[2] for element in root.iter())

    original = ElementTree.parse(path).getroot()
    original.remove(original[0])
    assert kinds(ElementTree.fromstring(inline_picture(path, "f0"))) == kinds(original)


def test_what_else_matplotlib_draws_is_taken_in(tmp_path):
    figure, axes = plt.subplots()
    axes.bar([0], [1], hatch="/", alpha=0.5, label="$x^2$")
    axes.imshow(np.eye(3))
    axes.scatter([0, 1], [1, 2], s=[3, 40])
    axes.set_title("a long\ntitle <&>", style="italic", weight="bold", rotation=10, alpha=0.3)
    axes.legend()
    drawn = inlined(tmp_path, _pictures(figure)["figure.svg"].decode())
    plt.close(figure)
    assert "fill: url(#f0-h" in drawn
    assert "&lt;&amp;&gt;" in drawn


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("<script>alert(1)</script>", "the element <script>"),
        ("<SCRIPT>alert(1)</SCRIPT>", "the element <SCRIPT>"),
        ("<a xlink:href='javascript:alert(1)'/>", "the element <a>"),
        ("<foreignObject/>", "the element <foreignObject>"),
        ("<iframe src='http:one'/>", "the element <iframe>"),
        ('<g xmlns="http://www.w3.org/1999/xhtml"/>', "the element <{http://www.w3.org/1999/xhtml}g>"),
        ("<g><metadata/></g>", "the element <metadata>"),
        ("<style>*{display:none}</style>", "the style '*{display:none}'"),
        ("<path onload='x()'/>", "the attribute onload of <path>"),
        ("<path class='wide'/>", "the attribute class of <path>"),
        ("<image xlink:href='http:one'/>", "href='http:one' of <image>"),
        ("<image href='data:image/svg+xml;base64,AAAA'/>", "href='data:image/svg+xml;base64,AAAA' of <image>"),
        ("<use href='two.svg#a'/>", "href='two.svg#a' of <use>"),
        ("<g clip-path='url(http:one)'/>", "clip-path='url(http:one)' of <g>"),
        ("<path style='fill: URL( http:one)'/>", "style='fill: URL( http:one)' of <path>"),
        (r"<path style='fill: u\\72l(http:one)'/>", "of <path>"),
        ("<path style='position: fixed'/>", "style='position: fixed' of <path>"),
        ("<path style='fill: image-set(\"http:one\")'/>", "of <path>"),
    ],
)
def test_what_matplotlib_does_not_draw_is_refused_by_name(tmp_path, inside, found):
    with pytest.raises(InputError) as caught:
        inlined(tmp_path, f"{SVG}{inside}</svg>")
    assert str(caught.value).endswith(f"{found}, and a report takes in only what matplotlib draws")


@pytest.mark.parametrize(
    "content",
    [
        "<svg/onload=alert(1)>",
        "<svg></svg><meta http-equiv='refresh' content='0;http:one'><svg></svg>",
        f"{SVG}</svg><script>alert(1)</script>",
        f"{SVG}<path d=1></svg>",
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG + "&a;</svg>",
        f"{'<g>' * 100_000}{'</g>' * 100_000}",
    ],
)
def test_what_is_no_picture_from_its_root_to_its_end_is_refused(tmp_path, content):
    with pytest.raises(InputError):
        inlined(tmp_path, content)


def test_a_picture_of_any_depth_is_taken_in_or_refused(tmp_path):
    with pytest.raises(InputError, match="is not an SVG picture, or is damaged"):
        inlined(tmp_path, f"{SVG}{'<g>' * 100_000}{'</g>' * 100_000}</svg>")


def test_names_and_where_they_are_used_are_marked_and_the_rest_stays(tmp_path):
    opening = SVG.replace(">", " width='10.5pt'>")
    drawn = inlined(
        tmp_path,
        f"<?xml version='1.0'?><!-- <script> -->{opening}<metadata/><path id='a'/><use xlink:href='#a'"
        " style='fill: url(#b); stroke: #fff' clip-path='url(#c)'/><text>1 &lt; 2</text></svg><!-- end -->",
    )
    assert drawn == (
        '<svg style="min-width: 8px" width="10.5pt"><path id="f0-a" /><use href="#f0-a" '
        'style="fill: url(#f0-b); stroke: #fff" clip-path="url(#f0-c)" /><text>1 &lt; 2</text></svg>'
    )
