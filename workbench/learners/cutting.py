"""Where a frozen beginning ends: a network in two halves, of which the first need be computed only once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

if TYPE_CHECKING:
    from torch import Tensor

WORTH = 2  # layers that a beginning has at least: to keep what one computes takes more than it saves
_ALONE = threading.Lock()  # two traces at once would leave the methods that they change on all networks changed
ROUNDING = 1e-3  # by which the halves may differ from the whole, of its largest output, in bfloat16 say


@dataclass(frozen=True, eq=False)
class Halves:
    """`tail(beginning(x))` is `body(x)`, weights shared; `name`: of the last part that is frozen."""

    name: str
    beginning: nn.Module
    tail: nn.Module


def halves(body: nn.Module, trained: set[str], example: Tensor) -> Halves | None:
    """Cut `body` at the deepest place before which nothing of `trained` (names of weights) lies; None without one.

    Traced with torch.fx; parts that are wholly frozen or wholly trained stay as they are. Whatever cannot be traced, or
    does not come to the same on `example`, is not cut.
    """
    body.eval()
    try:
        graph, names = _traced(body, trained)
        found = _parted(body, graph, trained)
        if found is None:
            return None
        node, beginning, tail = found
        if sum(weight.dim() > 1 for weight in beginning.parameters()) < WORTH:
            return None
        with torch.no_grad():
            whole, middle = body(example), beginning(example)
            if not isinstance(middle, torch.Tensor) or middle.shape[:1] != example.shape[:1]:
                return None
            if float((tail(middle) - whole).abs().max()) > ROUNDING * float(whole.abs().max()):
                return None
    except Exception:  # whatever a foreign network does under tracing: it trains whole
        return None
    return Halves(names.get(node, str(node)), beginning, tail)


def _traced(body: nn.Module, trained: set[str]) -> tuple[fx.Graph, dict[Any, str]]:
    from timm import layers
    from torchvision.models.feature_extraction import NodePathTracer

    paths, ours = {part: path for path, part in body.named_modules()}, threading.get_ident()

    class Tracer(NodePathTracer):  # type: ignore[misc]
        """torch.fx changes the methods of all networks while it traces; those of other threads compute as ever."""

        def call_module(self, part: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
            elsewhere = threading.get_ident() != ours
            return forward(*args, **kwargs) if elsewhere else super().call_module(part, forward, args, kwargs)

        def getattr(self, name: str, value: Any, proxies: Any) -> Any:
            return value if threading.get_ident() != ours else super().getattr(name, value, proxies)

        def is_leaf_module(self, part: nn.Module, path: str) -> bool:
            own = {f"{paths[part]}.{name}" in trained for name, _ in part.named_parameters()}
            return len(own) < 2

    notrace = layers.get_notrace_functions()  # type: ignore[attr-defined, no-untyped-call]
    tracer = Tracer(autowrap_functions=tuple(notrace))
    with _ALONE:
        return tracer.trace(body), tracer.node_to_qualname


def _parted(body: nn.Module, graph: fx.Graph, trained: set[str]) -> tuple[fx.Node, Any, Any] | None:
    """The last node through which everything must go that trained weights see, and the halves before and after it."""
    nodes = list(graph.nodes)
    source = next(node for node in nodes if node.op == "placeholder")  # others have defaults, and keep them
    moves = set()  # what depends on a trained weight
    for node in nodes:
        if _own(node, trained) or any(each in moves for each in node.all_input_nodes):
            moves.add(node)
    for node in reversed([node for node in nodes if node not in moves and node.op in ("call_module", "call_function")]):
        beyond = {source}  # what is reached from the input without passing through the node
        for other in nodes:
            if other is not node and any(each in beyond for each in other.all_input_nodes):
                beyond.add(other)
        if not beyond & moves and not any(other.op == "output" for other in beyond):
            return node, _module(body, _before(graph, node)), _module(body, _after(graph, node, source))
    return None


def _own(node: fx.Node, trained: set[str]) -> bool:
    target = str(node.target)
    if node.op == "get_attr":
        return target in trained
    return node.op == "call_module" and any(name.startswith(f"{target}.") for name in trained)


def _before(graph: fx.Graph, last: fx.Node) -> fx.Graph:
    half = fx.Graph()
    made: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        made[node] = half.node_copy(node, lambda each: made[each])
        if node is last:
            half.output(made[node])
            break
    return half


def _after(graph: fx.Graph, first: fx.Node, source: fx.Node) -> fx.Graph:
    half = fx.Graph()
    made = {first: half.placeholder("kept")}
    for node in graph.nodes:
        needed = all(each in made for each in node.all_input_nodes)
        if node not in (first, source) and needed:
            made[node] = half.node_copy(node, lambda each: made[each])
    return half


def _module(body: nn.Module, half: fx.Graph) -> fx.GraphModule:
    made = fx.GraphModule(body, half)
    made.graph.eliminate_dead_code()
    made.recompile()
    return made
