"""journeys/catalog.yaml: what exists in a shop, read and checked into a Catalog."""

from __future__ import annotations

from automation.journey.catalog_values import Catalog, Computed, EventType, Field, Home, Property

__all__ = ["Catalog", "Computed", "EventType", "Field", "Home", "Property"]
