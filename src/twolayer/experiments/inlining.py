"""The picture of a figure as an element of a page: what matplotlib draws of figures, and nothing else."""

import re
from pathlib import Path
from xml.etree import ElementTree

from twolayer.errors import InputError
from twolayer.files import distrust

__all__ = ["inline_picture"]

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_DOCTYPE = re.compile(
    r'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1\.1//EN"\s+"http://www\.w3\.org/Graphics/SVG/1\.1/DTD/svg11\.dtd">'
)
_ELEMENTS = {
    "svg", "defs", "style", "g", "path", "use", "text", "tspan", "clipPath", "rect", "image", "pattern",
}  # fmt: skip
_ATTRIBUTES = {
    "width", "height", "viewBox", "version", "type", "id", "d", "style", "clip-path", "transform", "x", "y", "href",
    "opacity", "fill", "stroke", "patternUnits",
}  # fmt: skip
_PROPERTIES = {
    "fill", "fill-opacity", "opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-linejoin", "stroke-linecap",
    "stroke-dasharray", "stroke-dashoffset", "font-family", "font-size", "font-stretch", "font-style", "font-variant",
    "font-weight", "image-rendering", "text-anchor",
}  # fmt: skip
_STYLE = "*{stroke-linejoin: round; stroke-linecap: butt}"
_PIXELS = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]*")
_REFUSED_IN_VALUES = re.compile(
    r"\\|\burl\((?!#[\w.-]+\))|\b(?!url\(|translate\(|scale\(|rotate\(|matrix\()[\w-]+\(", re.I
)
_LONGEST = 60  # characters of what is refused that a message repeats


def inline_picture(path: Path, mark: str) -> str:
    """Return an SVG picture as an element of a page: no metadata, names that begin with `mark`, no way out.

    Raises
    ------
    InputError
        If there is no such picture, or it holds an element, an attribute or a value that matplotlib does not write.
    """
    with distrust(path, "an SVG picture"):
        text = _DOCTYPE.sub("", path.read_text(encoding="utf-8"), count=1)
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise InputError(f"{path} has a DOCTYPE other than matplotlib's, which a report does not take in")
        root = ElementTree.fromstring(text)
        if root.tag != f"{_SVG}svg":
            raise InputError(f"{path} is no SVG picture: its outermost element is {root.tag[:_LONGEST]}")
        for metadata in root.findall(f"{_SVG}metadata"):
            root.remove(metadata)
        for element in root.iter():
            fault = _fault(element)
            if fault:
                raise InputError(f"{path} holds {fault}, and a report takes in only what matplotlib draws")
            element.attrib = {name: _marked(name, value, mark) for name, value in element.attrib.items()}
        width = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)pt", root.get("width", ""))
        if width:
            # 0.72 pixels a point: below it the letters of a picture are too small
            root.attrib = {"style": f"min-width: {0.72 * float(width[1]):.0f}px"} | root.attrib
        return ElementTree.tostring(root, encoding="unicode")


def _fault(element: ElementTree.Element) -> str:
    """What of an element is not allowed, else nothing; its name and those of its attributes lose their namespaces."""
    name = element.tag = element.tag.removeprefix(_SVG)
    if name not in _ELEMENTS:
        return f"the element <{name[:_LONGEST]}>"
    if name == "style" and (element.text or "").strip() != _STYLE:
        return f"the style {(element.text or '')[:_LONGEST]!r}"
    element.attrib = {key.removeprefix(_XLINK): value for key, value in element.attrib.items()}
    for key, value in element.attrib.items():
        if key not in _ATTRIBUTES:
            return f"the attribute {key[:_LONGEST]} of <{name}>"
        if not _is_allowed(key, value):
            return f"{key}={value[:_LONGEST]!r} of <{name}>"
    return ""


def _is_allowed(name: str, value: str) -> bool:
    """Whether the value of an attribute is one that leads nowhere but into the picture itself."""
    if name == "href":
        return value.startswith("#") or _PIXELS.fullmatch(value) is not None
    if name == "style" and not {part.partition(":")[0].strip() for part in value.split(";")} <= {*_PROPERTIES, ""}:
        return False
    return _REFUSED_IN_VALUES.search(value) is None


def _marked(name: str, value: str, mark: str) -> str:
    """The value of an attribute with the names in it made those of this picture alone."""
    if name == "id" or (name == "href" and value.startswith("#")):
        return f"#{mark}-{value[1:]}" if name == "href" else f"{mark}-{value}"
    return value.replace("url(#", f"{mark}-".join(("url(#", "")))
