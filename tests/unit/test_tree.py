from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silik_magics.errors import CommandError
from silik_magics.tree import Folder, Leaf, Tree, check_label, has_glob


def grown(*paths: str) -> Tree[str]:
    """Return a tree with these paths: folders end in `/`, kernels in their extension."""
    tree: Tree[str] = Tree()
    for path in paths:
        if path.endswith("/"):
            tree.mkdir(path, parents=True)
            continue
        folder, name = tree.place(path)
        label, dot, extension = name.rpartition(".")
        folder.add(Leaf(label, extension=dot + extension, kernel=path))
    return tree


def names(nodes: list) -> list[str]:
    return [node.path for node in nodes]


@pytest.fixture
def tree() -> Tree[str]:
    return grown("models/old/", "k1.py", "models/k1.py", "models/b1.sh", "models/old/r1.r")


# Naming


def test_shown_paths_begin_at_the_root_and_folders_end_with_a_slash(tree: Tree[str]) -> None:
    assert tree.root.path == "~/"
    assert tree.find("models").path == "~/models/"
    assert tree.find("models/k1.py").path == "~/models/k1.py"


def test_the_name_of_a_kernel_is_its_label_and_extension(tree: Tree[str]) -> None:
    leaf = tree.leaf("models/b1.sh")
    assert (leaf.label, leaf.extension, leaf.name) == ("b1", ".sh", "b1.sh")


@pytest.mark.parametrize("label", ["", ".", "..", "~", "a/b", "a*", "a?", "[a", "a]", "-a", "a\\b"])
def test_what_could_be_a_path_a_glob_or_an_option_is_no_label(label: str) -> None:
    with pytest.raises(CommandError, match="is no label") as caught:
        check_label(label)
    assert repr(label) in caught.value.message
    assert "a label is not empty" in caught.value.hint


@pytest.mark.parametrize("label", ["k1", "my kernel", "été", "k.1", "~k", "a-b", "#1"])
def test_other_words_are_labels(label: str) -> None:
    check_label(label)


def test_names_are_unique_among_siblings(tree: Tree[str]) -> None:
    with pytest.raises(CommandError, match=r"k1\.py is in use in ~/models/"):
        tree.folder("models").add(Leaf("k1", extension=".py"))


def test_one_label_may_stand_for_kernels_of_two_languages(tree: Tree[str]) -> None:
    tree.folder("models").add(Leaf("k1", extension=".sh"))
    assert tree.leaf("models/k1.sh") is not tree.leaf("models/k1.py")


# Finding


@pytest.mark.parametrize("path", ["~", "/", "~/", ".", "..", "../..", "models/..", "~/models/../."])
def test_ways_to_write_the_root(tree: Tree[str], path: str) -> None:
    assert tree.find(path) is tree.root


@pytest.mark.parametrize(
    "path",
    ["old/r1.r", "./old/r1.r", "~/models/old/r1.r", "/models/old/r1.r", "../models//old/r1.r"],
)
def test_ways_to_write_a_kernel(tree: Tree[str], path: str) -> None:
    tree.current = tree.folder("models")
    assert tree.leaf(path).path == "~/models/old/r1.r"


def test_a_bare_label_is_enough_where_one_kernel_has_it(tree: Tree[str]) -> None:
    assert tree.leaf("k1").name == "k1.py"
    assert tree.leaf("models/b1").name == "b1.sh"


def test_a_bare_label_that_fits_several_kernels_is_an_error_that_names_them(
    tree: Tree[str],
) -> None:
    tree.folder("models").add(Leaf("k1", extension=".sh"))
    with pytest.raises(CommandError, match="k1 names several kernels") as caught:
        tree.leaf("models/k1")
    assert caught.value.hint == "write one of k1.py, k1.sh"


def test_a_folder_with_the_name_of_a_label_comes_first(tree: Tree[str]) -> None:
    made = tree.mkdir("k1")
    assert tree.find("k1") is made


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("k2.py", "k2.py is not in ~/", "did you mean k1.py?"),
        ("model/k1.py", "model is not in ~/", "did you mean models?"),
        ("models/zzz", "zzz is not in ~/models/", "there is old, k1.py, b1.sh"),
        ("models/old/r1.r/x", "r1.r is a kernel, not a folder (in models/old/r1.r/x)", "nothing"),
        ("models/k1/..", "k1.py is a kernel, not a folder (in models/k1/..)", "holds nothing"),
        ("k1.py/", "k1.py is a kernel, not a folder", "write it as k1.py"),
        ("", "an empty path names nothing", "`.` is the current folder."),
    ],
)
def test_a_path_to_nothing_says_what_there_is_instead(
    tree: Tree[str], path: str, message: str, hint: str
) -> None:
    with pytest.raises(CommandError) as caught:
        tree.find(path)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_path_into_an_empty_folder_says_that_it_is_empty() -> None:
    with pytest.raises(CommandError) as caught:
        grown().find("k1.py")
    assert "the folder is empty" in caught.value.hint


def test_a_folder_is_no_kernel_and_a_kernel_no_folder(tree: Tree[str]) -> None:
    with pytest.raises(CommandError, match="~/models/ is a folder, not a kernel"):
        tree.leaf("models")
    with pytest.raises(CommandError, match=r"models/k1\.py is a kernel, not a folder") as caught:
        tree.folder("models/k1.py")
    assert caught.value.hint == "its folder is ~/models/"


# Several at once


def test_a_folder_means_every_kernel_below_it(tree: Tree[str]) -> None:
    below = ["~/models/old/r1.r", "~/models/k1.py", "~/models/b1.sh"]
    assert names(tree.leaves(["models"])) == below
    assert names(tree.leaves(["models/"])) == below
    assert names(tree.leaves(["~"])) == [*below, "~/k1.py"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["~/k1.py"]),
        ("*", ["~/models/old/r1.r", "~/models/k1.py", "~/models/b1.sh", "~/k1.py"]),
        ("*/*", ["~/models/old/r1.r", "~/models/k1.py", "~/models/b1.sh"]),
        ("models/?1*", ["~/models/k1.py", "~/models/b1.sh"]),
        ("models/[kb]1", ["~/models/k1.py", "~/models/b1.sh"]),
        ("models/[!k]1", ["~/models/b1.sh"]),
        ("**", ["~/models/old/r1.r", "~/models/k1.py", "~/models/b1.sh", "~/k1.py"]),
        ("**/k1", ["~/k1.py", "~/models/k1.py"]),
        ("models/**/*.r", ["~/models/old/r1.r"]),
        ("~/**/old/*", ["~/models/old/r1.r"]),
        ("models/*/../b*", ["~/models/b1.sh"]),
        ("/m*/./b1.sh", ["~/models/b1.sh"]),
    ],
)
def test_globs(tree: Tree[str], pattern: str, found: list[str]) -> None:
    assert names(tree.leaves([pattern])) == found


def test_a_pattern_with_a_slash_at_its_end_matches_folders_only(tree: Tree[str]) -> None:
    assert names(list(tree.match("**/"))) == ["~/models/", "~/models/old/"]
    assert names(list(tree.match("models/*/"))) == ["~/models/old/"]


def test_a_kernel_that_is_named_twice_is_there_once_and_the_order_is_that_of_the_words(
    tree: Tree[str],
) -> None:
    found = names(tree.leaves(["models/b1.sh", "k1.py", "models/*", "**"]))
    assert found == ["~/models/b1.sh", "~/k1.py", "~/models/old/r1.r", "~/models/k1.py"]


@pytest.mark.parametrize("path", ["*.ts", "empty", "empty/*", "**/nothing"])
def test_a_word_that_names_no_kernel_is_an_error(tree: Tree[str], path: str) -> None:
    tree.mkdir("empty")
    with pytest.raises(CommandError) as caught:
        tree.leaves(["k1.py", path])
    assert caught.value.message == f"no kernel is at {path}"
    assert "`tree` shows what there is" in caught.value.hint


def test_nodes_takes_folders_as_themselves(tree: Tree[str]) -> None:
    assert names(tree.nodes(["models", "*"])) == ["~/models/", "~/k1.py"]
    with pytest.raises(CommandError, match="nothing matches z"):
        tree.nodes(["z*"])


@pytest.mark.parametrize(("path", "glob"), [("k1.py", False), ("k*", True), ("[", True)])
def test_has_glob(path: str, glob: bool) -> None:
    assert has_glob(path) is glob


# Changing


def test_mkdir_makes_a_folder_where_its_parent_is() -> None:
    tree = grown("a/")
    assert tree.mkdir("a/b").path == "~/a/b/"
    assert tree.mkdir("~/c/").path == "~/c/"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("models", "models is in use in ~/"),
        ("k1.py", "k1.py is in use in ~/"),
        ("none/old", "none is not in ~/"),
        ("~", "~ exists"),
        (".", ". exists"),
        ("models/..", "models/.. exists"),
        ("", "an empty path names nothing"),
        ("models/a*", "'a*' is no label"),
    ],
)
def test_mkdir_refuses(tree: Tree[str], path: str, message: str) -> None:
    before = tree.draw()
    with pytest.raises(CommandError) as caught:
        tree.mkdir(path)
    assert caught.value.message == message
    assert caught.value.hint
    assert tree.draw() == before


def test_mkdir_with_parents_makes_all_of_them_and_is_content_with_those_there(
    tree: Tree[str],
) -> None:
    made = tree.mkdir("models/x/y", parents=True)
    assert made.path == "~/models/x/y/"
    assert tree.mkdir("models/x/y", parents=True) is made


def test_mkdir_with_parents_makes_nothing_when_one_of_the_labels_is_none() -> None:
    tree = grown()
    with pytest.raises(CommandError, match="is no label"):
        tree.mkdir("a/b/c*", parents=True)
    assert tree.draw() == ""


def test_move_into_a_folder_keeps_the_name(tree: Tree[str]) -> None:
    node = tree.leaf("k1.py")
    tree.move(node, "models/old")
    assert node.path == "~/models/old/k1.py"


@pytest.mark.parametrize("target", ["models/best", "models/best.py", "~/models/best"])
def test_move_to_a_new_name_keeps_the_extension(tree: Tree[str], target: str) -> None:
    node = tree.leaf("k1.py")
    tree.move(node, target)
    assert node.path == "~/models/best.py"
    assert tree.leaf("models/best").kernel == "k1.py"


def test_a_kernel_may_have_the_label_of_one_in_another_language(tree: Tree[str]) -> None:
    tree.move(tree.leaf("k1.py"), "models/b1")
    assert tree.leaf("models/b1.py").kernel == "k1.py"


def test_a_folder_moves_with_all_that_is_in_it(tree: Tree[str]) -> None:
    tree.mkdir("archive")
    tree.move(tree.find("models"), "archive/2024")
    assert tree.leaf("archive/2024/old/r1.r").path == "~/archive/2024/old/r1.r"


@pytest.mark.parametrize(
    ("path", "target", "message"),
    [
        ("k1.py", "models", "k1.py is in use in ~/models/"),
        ("k1.py", "models/k1", "k1.py is in use in ~/models/"),
        ("k1.py", "models/b1.sh", "b1.sh is in use in ~/models/"),
        ("k1.py", "none/", "none is not in ~/"),
        ("k1.py", "none/k2", "none is not in ~/"),
        ("k1.py", "a*", "'a*' is no label"),
        ("k1.py", "", "'' is no label"),
        ("models", "models/old", "~/models/ can not be moved into itself"),
        ("models", "models", "~/models/ can not be moved into itself"),
        ("~", "models", "the root can not be moved"),
    ],
)
def test_move_refuses_and_changes_nothing(
    tree: Tree[str], path: str, target: str, message: str
) -> None:
    before = tree.draw()
    with pytest.raises(CommandError) as caught:
        tree.move(tree.find(path), target)
    assert caught.value.message == message
    assert caught.value.hint
    assert tree.draw() == before


def test_a_node_may_be_moved_to_where_it_is(tree: Tree[str]) -> None:
    tree.move(tree.leaf("k1.py"), "k1.py")
    assert tree.leaf("k1.py").path == "~/k1.py"


def test_removing_a_folder_around_the_current_one_moves_that_up(tree: Tree[str]) -> None:
    tree.current = tree.folder("models/old")
    tree.remove(tree.find("~/models"))
    assert tree.current is tree.root
    assert tree.draw() == "╰─ k1.py"


def test_the_root_can_not_be_removed(tree: Tree[str]) -> None:
    with pytest.raises(CommandError, match="the root can not be removed"):
        tree.remove(tree.root)


# Drawing


def test_the_drawing_of_the_reference_to_the_letter() -> None:
    tree = grown("chatbots/", "chatbots/qwen.txt", "python/", "python/k1.py")
    tree.current = tree.folder("python")
    assert tree.draw() == (
        "├─ chatbots\n"
        "│  ╰─ qwen.txt\n"
        "╰─ python <<\n"
        "   ╰─ k1.py"
    )  # fmt: skip


def test_an_empty_tree_is_drawn_as_nothing() -> None:
    assert grown().draw() == ""


def test_a_folder_is_drawn_without_itself(tree: Tree[str]) -> None:
    assert tree.draw(tree.folder("models")) == (
        "├─ old\n"
        "│  ╰─ r1.r\n"
        "├─ k1.py\n"
        "╰─ b1.sh"
    )  # fmt: skip


def test_a_note_stands_behind_the_kernel_that_it_is_for(tree: Tree[str]) -> None:
    drawn = tree.draw(note=lambda leaf: " ✗ gone" if leaf.label == "r1" else "")
    assert drawn.splitlines()[2] == "│  │  ╰─ r1.r ✗ gone"
    assert drawn.count("✗") == 1


# Against a model: a set of paths

LABELS = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(LABELS, min_size=1, max_size=3).map("/".join)
STEPS = st.lists(
    st.tuples(st.sampled_from(["mkdir", "add", "move", "remove"]), PATHS, PATHS), max_size=12
)


def all_paths(folder: Folder[str]) -> set[str]:
    found: set[str] = set()
    for child in folder.children.values():
        found.add("/".join(child.parts))
        if isinstance(child, Folder):
            found |= all_paths(child)
    return found


def model_step(model: set[str], what: str, path: str, target: str) -> set[str] | None:
    """Return the paths after a step, or None where it must be refused."""
    above, _, _ = path.rpartition("/")
    if what in ("mkdir", "add"):
        name = path if what == "mkdir" else f"{path}.py"
        fits = (not above or above in model) and name not in model
        return model | {name} if fits else None
    if path not in model:
        return None
    moved = {x for x in model if x == path or x.startswith(f"{path}/")}
    if what == "remove":
        return model - moved
    if target in model:  # a folder: into it, under its own name
        target = f"{target}/{path.rpartition('/')[2]}"
    above = target.rpartition("/")[0]
    inside = f"{above}/".startswith(f"{path}/")
    taken = target in model and target != path
    if (above and above not in model) or inside or taken:
        return None
    return (model - moved) | {target + x.removeprefix(path) for x in moved}


def tree_step(tree: Tree[str], what: str, path: str, target: str) -> None:
    if what == "mkdir":
        tree.mkdir(path)
    elif what == "add":
        folder, label = tree.place(path)
        folder.add(Leaf(label, extension=".py"))
    elif what == "move":
        tree.move(tree.folder(path), target)
    else:
        tree.remove(tree.folder(path))


@given(STEPS)
def test_the_tree_does_what_a_set_of_paths_would_do(steps: list[tuple[str, str, str]]) -> None:
    tree: Tree[str] = Tree()
    model: set[str] = set()
    for what, path, target in steps:
        expected = model_step(model, what, path, target)
        if expected is None:
            with pytest.raises(CommandError):
                tree_step(tree, what, path, target)
        else:
            tree_step(tree, what, path, target)
            model = expected
        assert all_paths(tree.root) == model
        assert {tree.find(x).path.strip("~/") for x in model} == model


@given(st.text(max_size=12))
def test_any_path_finds_a_node_or_is_a_command_error(path: str) -> None:
    tree = grown("models/old/", "k1.py")
    try:
        found = tree.find(path)
    except CommandError:
        return
    assert tree.find(found.path) is found


@pytest.mark.parametrize(
    "label",
    [
        "a\nb",
        "a\tb",
        "\x1b[31mred",
        "a\x9bb",
        "a\u202eb",
        "a\u2066b",
        "a\u2028b",
        "a\u200bb",
        "\ufeffa",
        "a\ud800",
        " a",
        "a ",
        "\u3000",
    ],
)
def test_what_could_not_be_seen_or_would_move_the_line_is_no_label(label: str) -> None:
    with pytest.raises(CommandError, match="is no label") as caught:
        check_label(label)
    assert caught.value.message.isprintable()


def test_a_label_has_an_end() -> None:
    check_label("x" * 200)
    with pytest.raises(CommandError, match="too long for a label: 10000 characters"):
        check_label("x" * 10_000)


@pytest.mark.parametrize(
    "label", ["e\u0301te\u0301", "日本", "👩\u200d🚀", "<b>", "&amp;", "'\"`$"]
)
def test_letters_and_signs_of_any_language_are_labels(label: str) -> None:
    check_label(label)


def test_the_lines_of_a_tree_come_in_the_order_of_its_drawing() -> None:
    tree: Tree[str] = Tree()
    for path in ("a/b/c", "a/d", "e"):
        tree.mkdir(path, parents=True)
    tree.folder("a").add(Leaf("k1", extension=".py"))
    found = [(depth, node.name) for depth, node in tree.lines()]
    assert found == [(0, "a"), (1, "b"), (2, "c"), (1, "d"), (1, "k1.py"), (0, "e")]
    drawn = [line.strip("│├╰─ ") for line in tree.draw().splitlines()]
    assert drawn == [name for _, name in found]
    below = [(depth, node.name) for depth, node in tree.lines(tree.folder("a"))]
    assert below == [(0, "b"), (1, "c"), (0, "d"), (0, "k1.py")]
