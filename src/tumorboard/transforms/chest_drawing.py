"""Draw a chest as CT shows it: body, lungs, ribs, spine, heart, vessels and one nodule.

Distances are in mm in RAS+ (x to the patient's right, y anterior, z superior), values are
Hounsfield units: fat -100, muscle 50, lung -850, bone 300 and more (Hounsfield 1980). A scanner
blurs the drawing with its point spread and adds noise of its kernel's grain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from tumorboard.records import Bools, Floats

#: Edges of the volume in mm: right to left, back to front, feet to head.
EXTENT_MM = (340.0, 340.0, 240.0)
#: Diameters that a nodule can have, in mm.
SMALLEST_MM, LARGEST_MM = 12.0, 49.9

Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class Scanner:
    """One scanner with its protocol.

    Args:
        maker: Manufacturer.
        model: Name of the model.
        kernel: Convolution kernel.
        kvp: Tube voltage in kV.
        noise_hu: Standard deviation of the noise in soft tissue.
        blur_mm: Standard deviation of the point spread.
        grain_mm: Size of the noise's grain: a sharp kernel has a fine one.
        offset_hu: Error of calibration.
        zoom: Voxel size within the slice, relative to the default.
        slice_zoom: Distance of slices, relative to the default.
        padding: Stored value outside of the round field of view; "none" where all is recorded.
    """

    maker: str
    model: str
    kernel: str
    kvp: int
    noise_hu: float
    blur_mm: float
    grain_mm: float
    offset_hu: float = 0.0
    zoom: float = 1.0
    slice_zoom: float = 1.0
    padding: int | Literal["none"] = "none"


@dataclass(frozen=True)
class Nodule:
    """What a nodule looks like.

    Args:
        diameter_mm: Of the ball that has its volume.
        roughness: Standard normal; high is spiculated and necrotic.
        glass: Standard normal; high is a large share of ground glass around the solid part.
    """

    diameter_mm: float
    roughness: float
    glass: float

    @property
    def necrotic_share(self) -> float:
        """Share of the solid part's volume that is dark: hypoxia kills the centre."""
        return float(0.7 * expit(1.6 * self.roughness - 0.8))

    @property
    def glass_share(self) -> float:
        """Share of the volume that is ground glass."""
        return float(0.75 * expit(1.5 * self.glass - 1.2))

    @property
    def amplitude(self) -> float:
        """Depth of the surface's waves and spikes, relative to the radius."""
        return float(0.05 + 0.3 * expit(1.5 * self.roughness))


@dataclass(frozen=True)
class Visit:
    """One of several examinations of a chest.

    Args:
        rng: Source of the noise, which is drawn anew each time.
        moved_mm: How far the patient lies from where she lay before.
        room_mm: Diameter that the nodule's place has room for: its largest of all visits.
    """

    rng: np.random.Generator
    moved_mm: tuple[float, float, float]
    room_mm: float


@dataclass(frozen=True)
class Chest:
    """A volume and its truth.

    Args:
        hu: (X, Y, Z) rounded to whole units, axes in RAS+ order.
        tumour: (X, Y, Z) True in the nodule.
        affine: (4, 4) voxel index -> mm.
        outside: (X, Y, Z) True where the scanner records nothing.
        center_mm: Centre of the nodule, RAS+.
        middle_mm: Middle of the chest, RAS+.
    """

    hu: NDArray[np.int16]
    tumour: Bools
    affine: Floats
    outside: Bools
    center_mm: tuple[float, float, float]
    middle_mm: tuple[float, float, float]


def draw_chest(
    nodule: Nodule, *, size: tuple[int, int, int], scanner: Scanner, rng: np.random.Generator,
    visit: Visit | Literal["only"] = "only",
) -> Chest:  # fmt: skip
    """Volume of one patient.

    The nodule's volume on the voxel grid is that of its diameter to within half a voxel.

    Args:
        nodule: What grows in the lung.
        size: Voxels per axis.
        scanner: Whose noise, sharpness and spacing it has.
        rng: Source of all randomness; one of equal seed draws the same chest.
        visit: Which of several examinations of that chest this is.
    """
    moved = (0.0, 0.0, 0.0) if visit == "only" else visit.moved_mm
    room_mm = nodule.diameter_mm if visit == "only" else visit.room_mm
    grid = _Grid.of(size, scanner, rng, moved)
    build = np.exp(0.05 * rng.standard_normal(3))
    hu = _draw_trunk(grid, build)
    lungs = _draw_lungs(grid, hu, build, rng)
    _draw_bones(grid, hu, build)
    _draw_mediastinum(grid, hu)
    _draw_vessels(grid, hu, lungs, rng)
    tumour, center = _draw_nodule(grid, hu, nodule, build, room_mm, rng)
    noise = rng if visit == "only" else visit.rng
    hu = gaussian_filter(hu, [scanner.blur_mm / s for s in grid.spacing])
    grain = gaussian_filter(
        noise.standard_normal(size).astype(np.float32),
        [scanner.grain_mm / s for s in grid.spacing],
    )
    # photons are fewest behind the thickest tissue
    depth = 0.7 + 0.6 * np.exp(-(grid.x**2 / 110**2 + grid.y**2 / 80**2))
    hu += (scanner.noise_hu / grain.std()) * grain * depth + scanner.offset_hu
    whole = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    outside = np.zeros(size, dtype=np.bool_)
    if scanner.padding != "none":
        outside |= np.hypot(grid.x, grid.y) > 0.5 * EXTENT_MM[0] * scanner.zoom
    whole[outside] = -1024
    x, y, z = (float(value) for value in np.asarray(center) + grid.origin)
    a, b, c = (float(value) for value in grid.origin)
    return Chest(whole, tumour, grid.affine, outside, (x, y, z), (a, b, c))


@dataclass(frozen=True)
class _Grid:
    """Distances of voxels from the middle of the chest, in mm, ready to broadcast."""

    x: Voxels
    y: Voxels
    z: Voxels
    spacing: tuple[float, float, float]
    origin: Floats
    size: tuple[int, int, int]

    @classmethod
    def of(
        cls, size: tuple[int, int, int], scanner: Scanner, rng: np.random.Generator,
        moved_mm: tuple[float, float, float],
    ) -> _Grid:  # fmt: skip
        zoom = (scanner.zoom, scanner.zoom, scanner.slice_zoom)
        spacing = tuple(round(e / n * f, 4) for e, n, f in zip(EXTENT_MM, size, zoom, strict=True))
        axes = [
            ((np.arange(n) - (n - 1) / 2) * s - moved).astype(np.float32)
            for n, s, moved in zip(size, spacing, moved_mm, strict=True)
        ]
        # the table was at another height and place for each patient
        origin = np.round(rng.uniform((-8, -20, -900), (8, 20, -500)), 2) + moved_mm
        x, y, z = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
        return cls(x, y, z, (spacing[0], spacing[1], spacing[2]), origin, size)

    @property
    def affine(self) -> Floats:
        first = np.asarray([float(axis.ravel()[0]) for axis in (self.x, self.y, self.z)])
        affine = np.diag([*self.spacing, 1.0])
        affine[:3, 3] = np.round(first + self.origin, 4)
        return affine

    def ball(self, center: tuple[float, float, float], radii: tuple[float, float, float]) -> Voxels:
        """Squared distance from the centre of an ellipsoid, 1 on its surface."""
        x, y, z = (
            ((axis - c) / r) ** 2
            for axis, c, r in zip((self.x, self.y, self.z), center, radii, strict=True)
        )
        return np.asarray(x + y + z, dtype=np.float32)


def _draw_trunk(grid: _Grid, build: Floats) -> Voxels:
    """Air, the table, and a trunk of muscle under fat."""
    hu = np.full(grid.size, -1000.0, dtype=np.float32)
    under = grid.y + 128 + 0.0006 * grid.x**2
    table = (np.abs(under) < 6) & (np.abs(grid.x) < 150)
    hu[np.broadcast_to(table, grid.size)] = -300
    trunk = (grid.x / (148 * build[0])) ** 2 + (grid.y / (108 * build[1])) ** 2
    hu[np.broadcast_to(trunk < 1, grid.size)] = -100
    hu[np.broadcast_to(trunk < 0.8, grid.size)] = 50
    return hu


def _lung(side: int, build: Floats) -> tuple[tuple[float, float, float], tuple[float, ...]]:
    """Centre and radii of the right (1) or left (-1) lung; the left one is narrower."""
    radii = (54.0 * build[0] - (4 if side < 0 else 0), 78.0 * build[1], 112.0 * build[2])
    return (68.0 * side * float(build[0]), 2.0, 0.0), radii


def _draw_lungs(grid: _Grid, hu: Voxels, build: Floats, rng: np.random.Generator) -> Bools:
    lungs = np.zeros(grid.size, dtype=np.bool_)
    for side in (1, -1):
        center, (a, b, c) = _lung(side, build)
        lungs |= grid.ball(center, (a, b, c)) < 1
    # lying on the back, blood gathers behind; emphysema and fibrosis make it patchy
    patches = gaussian_filter(rng.standard_normal(grid.size).astype(np.float32), 2.5)
    tissue = -850 - 0.5 * grid.y + 25 * patches / patches.std()
    hu[lungs] = np.broadcast_to(tissue, grid.size)[lungs]
    return lungs


def _draw_bones(grid: _Grid, hu: Voxels, build: Floats) -> None:
    """Twelve pairs of ribs that fall towards the front, and a spine around its canal."""
    shell = (grid.x / (131 * build[0])) ** 2 + (grid.y / (93 * build[1])) ** 2
    falling = np.mod(grid.z + 0.25 * grid.y + 400, 24.0) < 9
    ribs = (np.abs(shell - 0.93) < 0.07) & falling & (grid.y < 75)
    hu[np.broadcast_to(ribs, grid.size)] = 350
    spine = np.broadcast_to(grid.x**2 + (grid.y + 64) ** 2, grid.size)
    disc = np.broadcast_to(np.mod(grid.z + 400, 26.0) < 5, grid.size)
    hu[spine < 20**2] = 220
    hu[(spine < 20**2) & disc] = 90
    hu[(spine < 20**2) & (spine > 17**2)] = 450
    canal = np.broadcast_to(grid.x**2 + (grid.y + 90) ** 2, grid.size)
    hu[canal < 14**2] = 250
    hu[canal < 8**2] = 25
    breast_bone = (np.abs(grid.x) < 16) & (np.abs(grid.y - 92 * build[1]) < 6) & (grid.z > -50)
    hu[np.broadcast_to(breast_bone, grid.size)] = 300


def _draw_mediastinum(grid: _Grid, hu: Voxels) -> None:
    middle = np.broadcast_to((grid.x / 30) ** 2 + (grid.y / 72) ** 2, grid.size)
    hu[(middle < 1) & (hu < 60)] = 30
    hu[grid.ball((-24, 22, -45), (52, 44, 52)) < 1] = 45
    aorta = np.broadcast_to((grid.x + 22) ** 2 + (grid.y + 34) ** 2, grid.size)
    hu[aorta < 12**2] = 55
    high = np.broadcast_to(grid.z > 5, grid.size)
    airway = np.broadcast_to(grid.x**2 + (grid.y + 8) ** 2, grid.size)
    hu[(airway < 9**2) & high] = -980
    for side in (1, -1):
        bronchus = (grid.y + 8) ** 2 + (grid.z - 5 + 0.6 * np.abs(grid.x)) ** 2
        inside = (bronchus < 6**2) & (side * grid.x > 0) & (side * grid.x < 45)
        hu[inside] = -970


def _draw_vessels(grid: _Grid, hu: Voxels, lungs: Bools, rng: np.random.Generator) -> None:
    """Vessels from each hilum to the edge of its lung, thinner as they go."""
    where = np.nonzero(lungs)
    points = np.stack(
        [axis.ravel()[index] for axis, index in zip((grid.x, grid.y, grid.z), where, strict=True)]
    )
    shade = hu[lungs]
    for side in (1, -1):
        own = np.flatnonzero(side * points[0] > 0)
        start = np.asarray([28.0 * side, -5.0, -5.0])
        for _ in range(14):
            way = rng.standard_normal(3) * (0.7, 0.9, 1.1)
            way[0] = side * abs(way[0])
            way *= rng.uniform(70, 110) / np.linalg.norm(way)
            away = points[:, own] - start[:, None]
            along = np.clip(way @ away / (way @ way), 0, 1)
            distance = np.linalg.norm(away - way[:, None] * along, axis=0)
            width = 4.2 * (1 - 0.75 * along)
            # a vessel thinner than a voxel is as bright as the part of the voxel that it fills
            part = np.exp(-((distance / (width + 0.3 * grid.spacing[0])) ** 2))
            shade[own] = np.maximum(shade[own], shade[own] + (40 - shade[own]) * part)
    hu[lungs] = shade


def _draw_nodule(
    grid: _Grid,
    hu: Voxels,
    nodule: Nodule,
    build: Floats,
    room_mm: float,
    rng: np.random.Generator,
) -> tuple[Bools, tuple[float, float, float]]:
    """Mask and centre (from the middle of the chest) of the nodule, which is drawn into `hu`."""
    side = 1 if rng.random() < 0.58 else -1  # more are on the right
    (cx, cy, cz), (a, b, c) = _lung(side, build)
    room = 1 - 0.6 * room_mm / a
    place = rng.standard_normal(3)
    place *= room * rng.random() ** (1 / 3) / np.linalg.norm(place)
    center = (cx + a * place[0] + 0.1 * side, cy + b * place[1], cz + c * place[2])
    away = [axis - o for axis, o in zip((grid.x, grid.y, grid.z), center, strict=True)]
    distance = np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
    reach = distance / _surface(away, distance, nodule.amplitude, rng)
    # the innermost voxels of a star-shaped field: connected, and of the right volume
    ball_mm3 = np.pi / 6 * nodule.diameter_mm**3
    n_voxels = max(1, round(ball_mm3 / float(np.prod(grid.spacing))))
    order = np.argpartition(reach.ravel(), n_voxels)[:n_voxels]
    order = order[np.argsort(reach.ravel()[order], kind="stable")]
    n_solid = max(1, round(n_voxels * (1 - nodule.glass_share)))
    flat = hu.reshape(-1)
    flat[order[n_solid:]] = np.maximum(flat[order[n_solid:]], -560)
    flat[order[:n_solid]] = 55
    flat[order[: round(n_solid * nodule.necrotic_share)]] = -15
    mask = np.zeros(grid.size, dtype=np.bool_)
    mask.reshape(-1)[order] = True
    return mask, center


def _surface(
    away: list[Voxels], distance: Voxels, amplitude: float, rng: np.random.Generator
) -> Voxels:
    """Radius of the nodule in each voxel's direction, 1 on average, from waves on a sphere."""
    radius = np.ones_like(distance)
    unit = [axis / np.maximum(distance, 1e-3) for axis in away]
    for frequency, share in ((2.0, 0.4), (4.0, 0.5), (7.0, 0.6)):
        for _ in range(3):
            way = rng.standard_normal(3)
            way *= frequency / np.linalg.norm(way)
            phase = rng.uniform(0, 2 * np.pi)
            wave = np.sin(unit[0] * way[0] + unit[1] * way[1] + unit[2] * way[2] + phase)
            radius += amplitude * share * wave / np.sqrt(3)
    return np.maximum(radius, 0.3)
