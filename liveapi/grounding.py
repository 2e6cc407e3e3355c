"""Where an answer came from: search grounding and fetched pages."""

from __future__ import annotations

from .base import JsonObject, WireStruct

__all__ = [
    "GroundingChunk",
    "GroundingMetadata",
    "GroundingSupport",
    "SearchEntryPoint",
    "Segment",
    "UrlContextMetadata",
    "UrlMetadata",
    "WebChunk",
]


class SearchEntryPoint(WireStruct, frozen=True):
    """HTML that Google's terms ask to show beside a grounded answer."""

    rendered_content: str = ""
    sdk_blob: bytes = b""


class WebChunk(WireStruct, frozen=True):
    """A web page."""

    uri: str = ""
    title: str = ""
    domain: str = ""


class GroundingChunk(WireStruct, frozen=True, kw_only=True):
    """One source. All but `web` pass through as they are."""

    web: WebChunk | None = None
    maps: JsonObject | None = None
    retrieved_context: JsonObject | None = None
    image: JsonObject | None = None


class Segment(WireStruct, frozen=True, kw_only=True):
    """A stretch of the answer; the indices are byte offsets into its UTF-8, end exclusive."""

    start_index: int = 0
    end_index: int = 0
    part_index: int = 0
    text: str = ""


class GroundingSupport(WireStruct, frozen=True, kw_only=True):
    """Which sources (indices into the chunks) bear out a segment."""

    segment: Segment | None = None
    grounding_chunk_indices: list[int] = []
    confidence_scores: list[float] = []
    rendered_parts: list[int] = []


class RetrievalMetadata(WireStruct, frozen=True):
    """How likely a search was to help, 0 to 1."""

    google_search_dynamic_retrieval_score: float = 0.0


class SourceFlaggingUri(WireStruct, frozen=True):
    """Where to report a source."""

    source_id: str = ""
    flag_content_uri: str = ""


class GroundingMetadata(WireStruct, frozen=True, kw_only=True):
    """What was searched and found."""

    web_search_queries: list[str] = []
    image_search_queries: list[str] = []
    search_entry_point: SearchEntryPoint | None = None
    grounding_chunks: list[GroundingChunk] = []
    grounding_supports: list[GroundingSupport] = []
    retrieval_metadata: RetrievalMetadata | None = None
    retrieval_queries: list[str] = []
    google_maps_widget_context_token: str = ""
    source_flagging_uris: list[SourceFlaggingUri] = []


class UrlMetadata(WireStruct, frozen=True):
    """A page that the model fetched; `url_retrieval_status`: see `enums.UrlRetrievalStatus`."""

    retrieved_url: str = ""
    url_retrieval_status: str = ""


class UrlContextMetadata(WireStruct, frozen=True):
    """The pages that the model fetched."""

    url_metadata: list[UrlMetadata] = []
