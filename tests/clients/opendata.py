"""A stranger who reads open data: ParkAPI's own reader takes our sites and spots; events and metrics fit the schemas of the Curb Data Specification.

usage: opendata.py <gateway url> <lot_id> <folder of schemas>
Prints one line of JSON with what was read.
"""
import csv
import io
import json
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import jsonschema
from parkapi_sources.models import CombinedParkingSiteInput, CombinedParkingSpotInput
from validataclass.validators import DataclassValidator


def get(url, **headers):
    """Status, headers and text; no token is sent."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


def pages(base, path):
    """All items, page by page."""
    items = []
    while path:
        status, headers, text = get(base + path)
        assert status == 200 and headers["content-type"] == "application/json", (path, status, text)
        page = json.loads(text)
        items += page["items"]
        path = page.get("next_path")
    assert len(items) == page["total_count"], (len(items), page["total_count"])
    return items


def main():
    base, lot, schemas = sys.argv[1].rstrip("/"), sys.argv[2], Path(sys.argv[3])
    site_reader, spot_reader = DataclassValidator(CombinedParkingSiteInput), DataclassValidator(CombinedParkingSpotInput)
    sites = [site_reader.validate(item) for item in pages(base, "/opendata/parkapi/v3/parking-sites?limit=1")]
    spots = [spot_reader.validate(item) for item in pages(base, f"/opendata/parkapi/v3/parking-spots?lot={lot}&limit=200")]
    ours = next(site for site in sites if site.uid == lot)

    status, headers, text = get(base + f"/opendata/cds/events/event?curb_zone_id={lot}", Accept="application/vnd.cds+json;version=1.0")
    assert status == 200 and headers["content-type"] == "application/vnd.cds+json;version=1.0", (status, headers)
    events = json.loads(text)
    jsonschema.validate(events, json.loads((schemas / "cds-events.json").read_text()))
    unacceptable = get(base + "/opendata/cds/events/event", Accept="application/vnd.cds+json;version=9.0")[0]

    status, headers, text = get(base + f"/opendata/cds/metrics/aggregates?curb_zone_id={lot}")
    assert status == 200 and headers["content-type"] == "application/vnd.cds+csv;version=1.0", (status, headers)
    rows = list(csv.DictReader(io.StringIO(text)))
    row_schema = json.loads((schemas / "cds-aggregate.json").read_text())
    for row in rows:
        jsonschema.validate(row, row_schema)

    datex = json.loads(get(base + f"/opendata/datex2/v3/parking-light?lot={lot}")[2])["parkingPublicationLight"]
    apds = json.loads(get(base + f"/opendata/apds/v4/places?lot={lot}")[2])
    status, headers, _ = get(base + "/opendata/parkapi/v3/parking-sites")
    again = get(base + "/opendata/cds/events/event", **{"If-None-Match": get(base + "/opendata/cds/events/event")[1]["etag"]})[0]
    print(json.dumps({
        "sites": len(sites),
        "name": ours.name,
        "capacity": ours.capacity,
        "free": ours.realtime_free_capacity,
        "spots": len(spots),
        "statuses": Counter(spot.realtime_status.name for spot in spots),
        "events": Counter(event["event_type"] for event in events["data"]["events"]),
        "unacceptable": unacceptable,
        "metrics": Counter(row["metric_type"] for row in rows),
        "datex": [len(datex["parkingSite"]), len(datex["parkingSpace"])],
        "apds": [len(apds["data"]), sum(len(level["childElements"]) for level in apds["data"][0]["childElements"])],
        "cached": headers["cache-control"],
        "again": again,
        "sessions": get(base + "/opendata/cds/metrics/sessions")[0],
        "nothing": get(base + "/opendata/nothing")[0],
        "nonsense": get(base + "/opendata/parkapi/v3/parking-sites?limit=none")[0],
    }))


main()
