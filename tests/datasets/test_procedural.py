import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from gmanet.config.compose import compose
from gmanet.datasets.procedural import CATEGORIES, DEFECTS, PROFILES, Procedural, write
from gmanet.datasets.procedural.defects import FLOOR, deform
from gmanet.datasets.procedural.mesh import Mesh, fuse
from gmanet.datasets.procedural.shapes import angles, box, face, levels, pillow, revolve, wall
from gmanet.datasets.procedural.specimen import make
from gmanet.datasets.procedural.surface import POSES, pose, scatter
from gmanet.datasets.statistics import PAPER
from gmanet.errors import InputError

ROUND = (2.0, 2.0)
FUSED = {"butterfly_nut", "butterfly_bolt", "slipknot_bolt", "t_screw", "hole_retaining_ring"}


def ball(radius, center, step=0.1):
    mesh = pillow(np.full(3, radius), ROUND, step=step)
    return mesh.moved(mesh.vertices + center)


def volume(mesh):
    return np.einsum("ij,ij->", mesh.vertices[mesh.faces].mean(axis=1), mesh.crosses()) / 6


def area(mesh):
    return np.linalg.norm(mesh.crosses(), axis=1).sum() / 2


def winding(mesh, places):
    """Return how often the mesh goes round each place: 1 inside, 0 outside (solid angles)."""
    corners = mesh.vertices[mesh.faces].astype(np.float32)
    turns = []
    for place in places.astype(np.float32):
        a, b, c = np.moveaxis(corners - place, 1, 0)
        la, lb, lc = (np.sqrt(np.einsum("ij,ij->i", v, v)) for v in (a, b, c))
        top = np.einsum("ij,ij->i", a, np.cross(b, c))
        dots = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
        ab, bc, ca = dots
        turns.append(
            np.arctan2(top, la * lb * lc + ab * lc + bc * la + ca * lb).sum() / (2 * np.pi)
        )
    return np.array(turns)


def auroc(normal, defective):
    ranks = rankdata(np.concatenate([normal, defective]))[len(normal) :]
    count = len(defective)
    return (ranks.sum() - count * (count + 1) / 2) / (len(normal) * count)


def test_volumes_and_areas_of_known_solids():
    assert volume(ball(2.0, 0.0)) == pytest.approx(4 / 3 * np.pi * 8, rel=0.01)
    assert area(ball(2.0, 0.0)) == pytest.approx(16 * np.pi, rel=0.01)
    theta = angles(2 * np.pi, 0.05)
    up = levels(0.0, 3.0, step=0.05)
    side = np.ones((len(up), len(theta)))
    rows = [
        face(0.0, side[0], height=0.0, step=0.05),
        wall(side, up),
        face(side[-1], 0.0, height=3.0, step=0.05),
    ]
    assert volume(revolve(theta, rows, kind="solid")) == pytest.approx(3 * np.pi, rel=0.002)
    assert volume(box(np.array([1.0, 2.0, 3.0]), 1e-6, step=0.2)) == pytest.approx(48, rel=1e-3)


def test_fused_balls_have_the_volume_of_their_union():
    # Unit balls whose centers are 1 apart overlap in a lens of volume 5/12 pi.
    one, two = np.zeros(3), np.array([1.0, 0.0, 0.0])
    both = fuse(
        ball(1.0, one, 0.04),
        lambda p: np.linalg.norm(p - one, axis=1) - 1,
        second=ball(1.0, two, 0.04),
        inside_second=lambda p: np.linalg.norm(p - two, axis=1) - 1,
    )
    assert volume(both) == pytest.approx((8 / 3 - 5 / 12) * np.pi, rel=0.01)
    assert area(both) == pytest.approx(6 * np.pi, rel=0.01)  # each ball keeps three quarters
    assert np.linalg.norm(both.vertices - one, axis=1).min() > 0.99


def test_scatter_is_even_per_area():
    # A small and a large triangle: points fall in proportion to their areas, 1 to 9.
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [8, 0, 0], [5, 3, 0]], float)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [3, 4, 5]]))
    spots = scatter(mesh, 10_000, rng=np.random.default_rng(0))
    small = spots.place[:, 0] < 2
    assert small.mean() == pytest.approx(0.1, abs=0.002)
    assert spots.place[small].mean(axis=0) == pytest.approx([1 / 3, 1 / 3, 0], abs=0.03)
    assert spots.place[~small].mean(axis=0) == pytest.approx([6, 1, 0], abs=0.03)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_pose_is_rigid_and_keeps_handedness(seed):
    place = np.random.default_rng(1).normal(size=(4, 3))
    moved = pose(place, 10.0, rng=np.random.default_rng(seed))
    before, after = place[1:] - place[0], moved[1:] - moved[0]
    assert after @ after.T == pytest.approx(before @ before.T)
    assert np.linalg.det(after) == pytest.approx(np.linalg.det(before))


@pytest.mark.parametrize("category", CATEGORIES)
def test_surface_is_closed_faces_outward_and_has_nothing_inside(category):
    mesh = CATEGORIES[category].build(np.random.default_rng(5))
    spots = scatter(mesh, 24 if category in FUSED else 4, rng=np.random.default_rng(6))
    # A hidden surface would show as a place with solid on both sides, a hole as a broken number.
    step = 0.001 * mesh.diagonal * spots.normal
    assert winding(mesh, spots.place + step) == pytest.approx(0, abs=0.02)
    assert winding(mesh, spots.place - step) == pytest.approx(1, abs=0.02)
    assert 15 < mesh.diagonal < 62


@pytest.mark.parametrize("category", CATEGORIES)
def test_instances_differ_within_tolerance(category):
    part = CATEGORIES[category]
    first, second = (part.build(np.random.default_rng(seed)) for seed in (0, 1))
    ratio = area(first) / area(second)
    assert ratio != 1
    assert ratio == pytest.approx(1, abs=0.08)


def test_threads_are_helices():
    # On a bolt's thread, turning by an angle and rising by its share of the pitch changes nothing.
    from gmanet.datasets.procedural.threads import thread

    theta, height = np.linspace(0, 6, 7), np.linspace(0, 5, 11)
    cut = thread(theta, height, pitch=1.5, phase=0.2)
    assert cut.min() == 0
    assert cut.max() == 1
    for turn in (0.3, 2.0):
        shifted = thread(theta + turn, height + 1.5 * turn / (2 * np.pi), pitch=1.5, phase=0.2)
        assert shifted == pytest.approx(cut)
    assert not np.allclose(thread(theta + 1.0, height, pitch=1.5, phase=0.2), cut)


@pytest.mark.parametrize("kind", DEFECTS)
@pytest.mark.parametrize("category", ["fender_ring", "hexagonal_bolt", "slipknot_bolt"])
def test_defect_has_its_depth_share_and_place(category, kind):
    part = CATEGORIES[category]
    mesh = part.build(np.random.default_rng(2))
    crosses = mesh.crosses()
    for seed in range(2):
        moved, depth = deform(
            mesh, crosses, kind=kind, share=part.ratio, rng=np.random.default_rng(seed)
        )
        length = np.linalg.norm(moved, axis=1)
        assert length.max() == pytest.approx(depth)
        assert depth / mesh.diagonal * (1 + 1e-9) >= 0.005
        assert depth / mesh.diagonal <= 0.02 * (1 + 1e-9)
        labeled = (length > FLOOR * depth)[mesh.faces].mean(axis=1)
        share = (labeled * np.linalg.norm(crosses, axis=1)).sum() / 2 / area(mesh)
        assert share == pytest.approx(part.ratio, rel=0.25)
        # One place: everything that moves lies in one small part of the object.
        assert np.ptp(mesh.vertices[length > 0], axis=0).max() < 0.9 * mesh.diagonal
        assert (length == 0).mean() > 0.5


@pytest.mark.parametrize(("kind", "sign"), [("convex", 1), ("concave", -1)])
def test_bumps_go_out_and_dents_go_in_on_one_side_of_a_plate(kind, sign):
    half = np.array([20.0, 20.0, 0.75])
    mesh = box(half, 0.2, step=0.4)
    crosses = mesh.crosses()
    for seed in range(6):
        moved, _ = deform(mesh, crosses, kind=kind, share=0.012, rng=np.random.default_rng(seed))
        change = volume(mesh.moved(mesh.vertices + moved)) - volume(mesh)
        assert np.sign(change) == sign
        flat = (np.abs(mesh.vertices[:, :2]) < 19.5).all(axis=1)  # the rim belongs to both sides
        top = mesh.vertices[:, 2] > 0
        sides = [np.abs(moved[flat & side]).max() for side in (top, ~top)]
        assert min(sides) < 0.02 * max(sides)


def test_labeled_points_moved_and_the_others_did_not():
    part = CATEGORIES["hexagonal_nut"]
    for defect in DEFECTS:
        # The same generator makes the same part in the same pose, whatever the defect.
        whole = make(part, "good", points=(120_000, 120_000), rng=np.random.default_rng(7)).cloud
        cloud = make(part, defect, points=(8_000, 8_000), rng=np.random.default_rng(7)).cloud
        away = cKDTree(whole.pos).query(cloud.pos)[0] / whole.diameter
        assert np.quantile(away[~cloud.label], 0.995) < 0.004
        assert away[cloud.label].mean() > 1.5 * away[~cloud.label].mean()


@pytest.mark.parametrize("category", CATEGORIES)
def test_clouds_are_valid_and_the_shares_follow_the_paper(category):
    test = Procedural(category, "test")
    rng = np.random.default_rng(0)
    for index in [0, *rng.choice(np.arange(20, 50), 2, replace=False)]:
        cloud = test[index].checked("test")
        assert cloud.pos.dtype == np.float32
        assert cloud.label.dtype == np.bool_
        assert 12_000 <= len(cloud) <= 20_000
        assert cloud.category == category
        assert cloud.name == test.names[index] == f"{cloud.defect}_{cloud.name[-3:]}"
        assert cloud.abnormal == bool(cloud.label.any()) == (index >= 20)
        if cloud.abnormal:
            assert 0.003 <= cloud.label.mean() <= 0.045
            assert cloud.label.mean() / CATEGORIES[category].ratio == pytest.approx(1.1, abs=0.8)


def test_deterministic_in_seed_category_split_and_index():
    first, again = Procedural("washer", "test"), Procedural("washer", "test")
    last = again[-1]
    for index in (0, 25, 49):
        assert first[index].pos.tobytes() == again[index].pos.tobytes()
        assert first[index].label.tobytes() == again[index].label.tobytes()
    assert first[49] is not last
    assert first[49] is first[-1]
    others = [
        Procedural("washer", "train")[0],
        Procedural("washer", "test", seed=1)[0],
        Procedural("washer", "test")[1],
        Procedural("fender_ring", "test")[0],
    ]
    assert all(other.pos[:9].tobytes() != first[0].pos[:9].tobytes() for other in others)


def test_order_of_points_says_nothing():
    cloud = Procedural("washer", "test")[30]
    position = np.flatnonzero(cloud.label) / len(cloud)
    assert position.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / len(position)))


def test_point_count_does_not_depend_on_the_defect():
    part = CATEGORIES["fender_ring"]
    counts = {
        len(make(part, defect, points=(500, 900), rng=np.random.default_rng(3)).cloud)
        for defect in ("good", *DEFECTS)
    }
    assert len(counts) == 1


def test_profiles():
    small, full = Procedural("k_nut", "test"), Procedural("k_nut", "test", profile="full")
    assert (len(small), len(full)) == (50, 100)
    assert len(Procedural("k_nut", "train", profile="full")) == 60
    assert len(set(full.names)) == 100
    assert PROFILES["small"].points == (12_000, 20_000)
    assert 192_540 <= len(full[41]) <= 239_830
    assert sum(defect in name for defect in DEFECTS for name in small.names) == 30


def test_many_train_clouds_begin_with_the_few():
    few, many = Procedural("washer", "train"), Procedural("washer", "train", profile="many")
    assert (len(few), len(many)) == (20, 100)
    assert many.names[:20] == few.names
    np.testing.assert_array_equal(many[19].pos, few[19].pos)
    assert Procedural("washer", "test", profile="many").names == Procedural("washer", "test").names


SMALL = {
    ("washer", "train", "good_003"): (16567, 0, [-10.1775, 1.3821, 14.4761]),
    ("washer", "test", "scratch_002"): (16895, 148, [8.542, -1.3079, -0.3395]),
    ("t_screw", "test", "good_019"): (14662, 0, [17.1524, 25.7458, 4.5905]),
    ("hexagonal_nut", "test", "scar_005"): (13074, 144, [-3.7171, -10.1726, 5.5054]),
}
"""Of some clouds that stored tables were measured on: points, abnormal ones, and the eighth."""


@pytest.mark.parametrize(("category", "split", "name"), SMALL)
def test_small_clouds_are_those_of_the_stored_tables(category, split, name):
    data = Procedural(category, split)
    cloud = data[data.names.index(name)]
    points, marked, place = SMALL[category, split, name]
    assert (len(cloud), cloud.label.sum()) == (points, marked)
    assert cloud.pos[7] == pytest.approx(np.array(place), abs=2e-3)


@pytest.mark.parametrize("category", CATEGORIES)
def test_full_clouds_have_as_many_points_as_the_papers(category):
    counts = {
        split: [data._count(index) for index in range(len(data))]
        for split in ("train", "test")
        for data in [Procedural(category, split, profile="full")]
    }
    test = np.array(counts["test"])
    normal, abnormal = np.concatenate([counts["train"], test[:40]]), test[40:]
    found = [f(one) / 1000 for one in (normal, abnormal) for f in (np.mean, np.max, np.min)]
    assert found == pytest.approx(PAPER[category][:6], rel=0.1)
    assert found[::3] == pytest.approx(PAPER[category][:6:3], rel=0.02)
    assert auroc(abnormal, test[:40]) == pytest.approx(0.5, abs=0.02)


def test_unknown_names_are_refused():
    with pytest.raises(
        InputError, match=r"'wahser' \(did you mean 'washer'\?\); there are: fender_ring"
    ):
        Procedural("wahser", "test")
    with pytest.raises(InputError, match="profile 'huge'"):
        Procedural("washer", "test", profile="huge")
    with pytest.raises(IndexError):
        Procedural("washer", "test")[50]


def test_written_folder_holds_the_same_clouds(tmp_path, monkeypatch):
    from gmanet.datasets.procedural import Profile
    from gmanet.formats import read_cloud

    monkeypatch.setitem(
        PROFILES, "tiny", Profile(points=(300, 400), train=1, test_good=1, test_per_defect=1)
    )
    folder = write(tmp_path, "hole_retaining_ring", profile="tiny")
    assert folder == tmp_path / "HoleRetainingRing"
    assert [path.name for path in (folder / "train").iterdir()] == ["good_000.pcd"]
    assert sorted(path.stem for path in (folder / "gt").iterdir()) == sorted(
        f"{kind}_000" for kind in DEFECTS
    )
    test = Procedural("hole_retaining_ring", "test", profile="tiny")
    for cloud in test:
        scan = read_cloud(folder / "test" / f"{cloud.name}.pcd")
        assert np.array_equal(scan.pos, cloud.pos)
        if cloud.abnormal:
            truth = np.loadtxt(folder / "gt" / f"{cloud.name}.txt")
            assert not np.allclose(truth[:, :3], cloud.pos, atol=1e-3)
            distance, row = cKDTree(truth[:, :3]).query(cloud.pos)
            assert distance.max() < 1e-3
            assert np.array_equal(truth[row, 3] > 0, cloud.label)


def statistics(cloud):
    """Return what a lazy detector could go by: size, spacing and pose, but no shape."""
    center = cloud.pos.mean(axis=0)
    axes = np.linalg.eigh(np.cov(cloud.pos.T))[1]
    extent = np.sort(np.ptp((cloud.pos - center) @ axes, axis=0))
    spacing = cKDTree(cloud.pos).query(cloud.pos, k=2)[0][:, 1].mean()
    density = spacing * np.sqrt(len(cloud))
    return [len(cloud), *extent, spacing, density, *center, *np.abs(axes[:, -1])]


@pytest.mark.slow
@pytest.mark.parametrize("category", CATEGORIES)
def test_statistics_alone_do_not_tell_normal_from_defective(category):
    part, count = CATEGORIES[category], 150
    sides = [
        [
            statistics(
                make(
                    part, kind, points=(2_400, 4_000), rng=np.random.default_rng([number, i])
                ).cloud
            )
            for i, kind in enumerate(kinds * (count // len(kinds)))
        ]
        for number, kinds in ((1, ["good"]), (2, list(DEFECTS)))
    ]
    normal, defective = np.array(sides)
    scores = [auroc(a, b) for a, b in zip(normal.T, defective.T, strict=True)]
    assert np.abs(np.array(scores) - 0.5).max() < 0.12


@given(seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_a_turntable_turns_about_the_vertical_axis(seed):
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(20, 3))
    moved = pose(place, 10.0, rng=rng, kind="turntable")
    turn = np.linalg.lstsq(place - place.mean(0), moved - moved.mean(0), rcond=None)[0].T
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.degrees(np.arccos(turn[2, 2])) <= 3.0 + 1e-6
    shift = moved.mean(0) - turn @ place.mean(0)
    assert np.abs(shift[:2]).max() <= 0.5
    assert abs(shift[2]) < 1e-9


def test_poses_change_nothing_else():
    there = [Procedural("washer", "test", poses=poses)[25] for poses in POSES]
    one, other = (cloud.pos - cloud.pos.mean(0) for cloud in there)
    np.testing.assert_array_equal(there[0].label, there[1].label)
    turn = np.linalg.lstsq(one, other, rcond=None)[0]
    np.testing.assert_allclose(one @ turn, other, atol=1e-4)


def test_unknown_poses_and_poses_of_other_data_are_refused():
    with pytest.raises(InputError, match="unknown pose 'table'"):
        Procedural("washer", "test", poses="table")
    with pytest.raises(InputError, match=r"data\.pose=turntable with data=folder"):
        compose(["data=folder", "data.root=scans", "data.pose=turntable"])
