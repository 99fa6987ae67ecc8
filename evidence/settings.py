"""What is tuned in the sources of evidence: every decisive constant, and what is known about it.

The settings travel in the expert's file (``ExpertConfig.settings``), so that its sha256 pins a result. Each field says
what it means, where it was chosen, and how sensitive results are; figures are image AUROCs of ``docs/results/about.md``
("five sets" are its sets left out of training, "three" those never trained on). "Not measured" means just that.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SelfReferenceSettings:
    """Each token against the rest of its own view; the names of nearest neighbours are PatchCore's.

    Examples
    --------
    >>> SelfReferenceSettings().num_neighbors
    5
    """

    # Nearest tokens over which a distance is averaged. The shipped probes were fitted with it; not measured alone.
    num_neighbors: int = 5
    # A map's peak is the mean of this share of its tokens. Chosen on the five sets: .746; .2 to 10 % together .753.
    top_share: float = 0.01
    # Tokens nearer than this share of the grid's side are no neighbours: they see the same pixels. Not measured.
    excluded_share: float = 1 / 9
    # Side of the square of tokens that a token's surroundings are averaged over. Not measured.
    surround: int = 7
    # Added to distances before the logarithm: about that of two patches of one texture. Not measured.
    distance_floor: float = 1e-2
    # A study is as suspicious as the mean of this share of its views, the worst ones. Not measured.
    worst_views_share: float = 0.03


@dataclass(frozen=True)
class MemoryBankSettings:
    """Distances to references (PatchCore) or to the other members of a cohort (MuSc).

    Examples
    --------
    >>> MemoryBankSettings(coreset_size=20_000).cohort_members_compared
    40
    """

    # Tokens kept of all references at one feature level. 6,000 or 20,000: tiles .886 and .885, boards .909 and .893.
    coreset_size: int = 6000
    # Tokens kept of each reference at the least. Not measured.
    least_per_reference: int = 100
    # Other members that one is compared with, so that the cost does not grow with the square. Not measured.
    cohort_members_compared: int = 40
    # Share of them, the nearest, that are averaged over. Half or all: textile .73 to .77, the three .815 to .79.
    cohort_share: float = 0.3


@dataclass(frozen=True)
class PhotographSettings:
    """Photographs beside references or in a cohort.

    Examples
    --------
    >>> PhotographSettings().levels
    (1, 2)
    """

    # Levels whose tokens are compared: of the adapted encoder, after blocks 5 and 8 of twelve, and of the encoder of
    # all views. Chosen on folds a and c with 8 references: the first alone .766, both .780, with shallower ones .771.
    levels: tuple[int, ...] = (1, 2)
    view_levels: tuple[int, ...] = (1, 2)
    # A photograph is as far from the references as the mean of this share of its tokens, the worst ones. Folds a and c,
    # first levels alone: .2 % .767, 1 % .768, 2 % .766, 5 % .763.
    worst_share: float = 0.02
    # Weight of the mean over all tokens beside the worst ones: what has changed everywhere. Eleven sets of folds a, b,
    # d, 8 references: 0 .810, 1/4 .816, 1/2 .819, 1 .817; folds a and c: 0 .780, 1/2 .782.
    whole_weight: float = 0.5
    # Least spread, in log distances, among references or the members of a cohort: few of them understate it.
    least_spread: float = 0.03
    # Weight of Look-Twice's logit beside the distance in spreads. Folds a and c: 0 .766, 1/8 .767, 3/8 .766, 3/4 .761.
    own_weight: float = 3 / 8
    # The same on the map. Pixel AUROC without it and with it: brain MRI .955 and .953, tiles .673 and .703, screws .943
    # and .957.
    own_place_weight: float = 0.5
    # What the spread of the two together usually is among references, and how many further references that is worth.
    usual_spread: float = 1.2
    usual_freedom: float = 4.0
    # Share of all places of a cohort, anomalous members included, above 0.5.
    cohort_places: float = 0.01
    # Level of the encoder of all views at which a place is compared with the rest of its picture; the share of places,
    # the rarest ones, that stands for the photograph; their weight beside Look-Twice's logit. Alone, image AUROC on
    # folds a and c by weight: 0 .625, 8 .662, 16 .685, 32 .707, 64 .717; share .02 .703, .05 .707.
    rarity_level: int = 2
    rare_share: float = 0.05
    rarity_weight: float = 32.0
    # The same on the map. Alone, pixel AUROC on brain MRI, tiles, screws: 0 .907 .675 .951; 4 .919 .686 .958.
    place_rarity_weight: float = 4.0
    # Cosine of a photograph and the material most like it from which that material's threshold is taken; below, the
    # verdict is unsure. Of photographs of folds a and c, .01 are below .8, .06 below .85 and .32 below .9.
    least_similarity: float = 0.8
    # Distance to the nearest reference, in spreads among them, from which it is another object. Not measured.
    another_object_z: float = 8.0


@dataclass(frozen=True)
class LearnedFlawSettings:
    """Logistic regressions on outlined examples.

    Examples
    --------
    >>> LearnedFlawSettings().folds
    5
    """

    # Levels of the adapted encoder whose tokens are joined: two middle depths. Not measured.
    levels: tuple[int, ...] = (1, 2)
    # Normal pictures that are learnt from at the most. Not measured.
    most_normal: int = 64
    # Parts of the cross-validation. Not measured.
    folds: int = 5
    # A token is a flaw's where the outline covers so much of it, or so much of the most that it covers of any. Not
    # measured.
    covered_share: float = 0.5
    share_of_most: float = 0.7
    # Every so many tokens of normal material are learnt from: they are many and alike. Not measured.
    normal_step: int = 3
    # Of the tokens' regression: inverse strength of the penalty, and the weight of all tokens. Not measured.
    token_penalty: float = 1e-3
    token_weight: float = 2000.0
    # The evidence of so many of the worst tokens is averaged: a flaw shows in one of them or in all. Not measured.
    worst_shares: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    # Inverse strength of the penalty of the pictures' regression. Not measured.
    image_penalty: float = 0.2
    # Worst tokens of a picture where too few examples are there to learn from. Not measured.
    peak_tokens: int = 3


@dataclass(frozen=True)
class DrawingSettings:
    """Drawings of two tones against a golden template.

    Examples
    --------
    >>> DrawingSettings().tolerance
    2
    """

    # Side of the thumbnails that the same drawing is found by, in pixels. Not measured.
    thumbnail_side: int = 96
    # Correlation from which two drawings are the same one, apart from flaws. Not measured.
    same_correlation: float = 0.75
    # Area of a difference, in pixels beyond the tolerance, at which it is as likely a flaw as not. Not measured.
    half_area: float = 12.0
    # Edges that differ by so many pixels are the same edge: printing, binarising and JPEG move them. Not measured.
    tolerance: int = 2
    # The two tones differ by so many grey levels. Not measured.
    least_contrast: float = 64.0
    # Values within so much of that difference are one tone. Not measured.
    tone_width: float = 0.15
    # Share of pixels that have either tone. Not measured.
    toned_share: float = 0.95


@dataclass(frozen=True)
class StudyComparisonSettings:
    """Volumes and clouds beside references or in a cohort.

    Examples
    --------
    >>> StudyComparisonSettings().logit_offset
    2.5
    """

    # Subtracted from a study's halved deviations: where they come to this, its score is 0.5. Not measured.
    logit_offset: float = 2.5
    # Z-score at which a place comes to 0.5 on the map. Not measured.
    even_odds_z: float = 3.0
    # Weight of the mean's deviation beside that of the worst parts. Not measured.
    mean_weight: float = 0.5
    # Shares of the places, the worst ones, whose lower ends are averaged to the worst parts. Not measured.
    scored_shares: tuple[float, ...] = (0.02, 0.01, 0.005, 0.001)
    # Least normal spread, in logarithms: few references understate it, and another scan must move little. Not measured.
    least_spread: float = 0.1
    # Deviations are clipped to plus and minus this. Not measured.
    largest_z: float = 8.0
    # Where references decide alone: what the spread of the worst parts usually is, and how many references that is
    # worth beside the spread of those given.
    prior_spread: float = 0.1
    prior_freedom: float = 4.0


@dataclass(frozen=True)
class BrainSettings:
    """Intensities of brains in MNI space.

    Examples
    --------
    >>> BrainSettings().prior_heads
    4
    """

    # Variances are shrunk towards the mean of all places as if so many more heads were there. Not measured.
    prior_heads: int = 4
    # Least standard deviation of a place, in robust ones of the brain's intensities. Not measured.
    least_spread: float = 0.2


@dataclass(frozen=True)
class CloudSettings:
    """Local shapes of clouds (FPFH).

    Examples
    --------
    >>> CloudSettings().radii
    (3.0, 6.0)
    """

    # Elements of a cloud that others are compared with. Not measured.
    coreset_size: int = 1200
    # Radii of the histograms, in element sides, and the neighbours in one at the most. Not measured.
    radii: tuple[float, ...] = (3.0, 6.0)
    max_neighbors: int = 100
    # Added to distances before the logarithm. Not measured.
    distance_floor: float = 0.05


@dataclass(frozen=True)
class TissueSettings:
    """Tissue of brains; the shipped probes' calibration was fitted with it.

    Examples
    --------
    >>> TissueSettings().most_unusual
    0.15
    """

    # The score is that of this share of a brain, the most unusual: a finding fills a small part. Not measured.
    worst_share: float = 0.001
    # Of a brain that can be judged, no more than this share is unusual. Not measured.
    most_unusual: float = 0.15


@dataclass(frozen=True)
class AsymmetrySettings:
    """Asymmetry of heads.

    Examples
    --------
    >>> AsymmetrySettings().score_step
    0.5
    """

    # The score is that of this share of a head, the most asymmetric. Not measured.
    worst_share: float = 0.001
    # The score's logit grows by one where the worst share's does by so much. Used in calibration; not measured.
    score_step: float = 0.5


@dataclass(frozen=True)
class GeometrySettings:
    """Damage of surfaces; the shipped network's calibration was fitted with it.

    Examples
    --------
    >>> GeometrySettings().knee
    2.0
    """

    # The score is the mean of what these shares of the area reach: a single noisy element moves it little, a small
    # scratch and a large dent both reach it. Not measured.
    scored_shares: tuple[float, ...] = (0.02, 0.01, 0.005, 0.001)
    # Elements that a logit is averaged over; places are averaged twice, which ranks them better, but not objects.
    num_smoothed: int = 9
    # The score's logit grows by one where a reading does by so much. Used in calibration; chosen so that another scan
    # of the same object moves its score by less than .05.
    score_step: float = 1.6
    # Logits well beyond this differ more from scan to scan, and are compressed. Not measured.
    knee: float = 2.0
    # Of a cloud that was seen from one side, places nearer to its rim than so many element sides are not judged.
    rim_margin: float = 4.0


@dataclass(frozen=True)
class Settings:
    """The settings of all sources and comparisons.

    Examples
    --------
    >>> Settings().memory_bank.coreset_size
    6000
    """

    self_reference: SelfReferenceSettings = SelfReferenceSettings()
    memory_bank: MemoryBankSettings = MemoryBankSettings()
    photographs: PhotographSettings = PhotographSettings()
    learned_flaws: LearnedFlawSettings = LearnedFlawSettings()
    drawings: DrawingSettings = DrawingSettings()
    studies: StudyComparisonSettings = StudyComparisonSettings()
    brains: BrainSettings = BrainSettings()
    clouds: CloudSettings = CloudSettings()
    tissue: TissueSettings = TissueSettings()
    asymmetry: AsymmetrySettings = AsymmetrySettings()
    geometry: GeometrySettings = GeometrySettings()


DEFAULTS = Settings()
