# SPDX-License-Identifier: Apache-2.0
"""The lower limit: listing, showing and deleting with only Python's HTTP and JSON.

One connection a service, one token, the requests that cannot be avoided, and the same JSON, to the
byte, as OSC prints for a list. Configured by the variables that OSC reads; knows no errors.
"""

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

MICROVERSION = '3.71'
SHORT = {
    'ID': 'id',
    'Name': 'name',
    'Description': 'description',
    'Status': 'status',
    'Size': 'size',
    'Incremental': 'is_incremental',
    'Created At': 'created_at',
}
LONG = SHORT | {
    'Availability Zone': 'availability_zone',
    'Volume': 'volume_id',
    'Container': 'container',
}


class Service:
    """One persistent connection."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._root = parts.path.rstrip('/')
        self._headers = headers
        self._connection = http.client.HTTPConnection(parts.netloc)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[http.client.HTTPMessage, Any]:
        """Send a request; return the headers and JSON of the answer."""
        response, content = self._exchange(method, path, body)
        if not 200 <= response.status < 300:
            sys.exit(f'{method} {path}: {response.status}')
        return response.headers, json.loads(content) if content else None

    def status(self, method: str, path: str) -> int:
        """Send a request; return the status of the answer."""
        return self._exchange(method, path)[0].status

    def _exchange(
        self, method: str, path: str, body: Any = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, self._root + path, text, self._headers)
        response = self._connection.getresponse()
        return response, response.read()


def connect() -> Service:
    """Authenticate, and find Block Storage in the catalogue."""
    user = {
        'name': os.environ['OS_USERNAME'],
        'password': os.environ['OS_PASSWORD'],
        'domain': {'id': os.environ['OS_USER_DOMAIN_ID']},
    }
    project = {
        'name': os.environ['OS_PROJECT_NAME'],
        'domain': {'id': os.environ['OS_PROJECT_DOMAIN_ID']},
    }
    identity = {'methods': ['password'], 'password': {'user': user}}
    keystone = Service(os.environ['OS_AUTH_URL'], {'Content-Type': 'application/json'})
    body = {'auth': {'identity': identity, 'scope': {'project': project}}}
    headers, answer = keystone.ask('POST', '/auth/tokens', body)
    override = os.environ.get('OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE')
    return Service(
        override or _endpoint(answer['token']['catalog']),
        {
            'X-Auth-Token': headers['X-Subject-Token'],
            'OpenStack-API-Version': f'volume {MICROVERSION}',
            'Accept': 'application/json',
        },
    )


def _endpoint(catalogue: list[dict[str, Any]]) -> str:
    endpoints = next(entry['endpoints'] for entry in catalogue if entry['type'] == 'block-storage')
    region = os.environ['OS_REGION_NAME']
    return next(
        str(each['url'])
        for each in endpoints
        if each['interface'] == 'public' and each['region'] == region
    )


def pages(service: Service, query: dict[str, str], most: int | None) -> Iterator[list[Any]]:
    """Read all pages."""
    if most is not None:
        query = {**query, 'limit': str(most)}
    while True:
        _, answer = service.ask('GET', f'/backups/detail?{urlencode(query)}')
        page = answer['backups']
        yield page
        if most is not None or not answer.get('backups_links'):
            return
        query = {**query, 'marker': page[-1]['id']}


def print_rows(rows: Iterator[list[Any]], columns: dict[str, str]) -> None:
    """Print the same as `json.dump(rows, indent=2)`, but with the fast encoder."""
    encode = json.JSONEncoder(separators=(',\n    ', ': ')).encode
    separator = '[\n'
    for page in rows:
        for row in page:
            text = encode({header: row[key] for header, key in columns.items()})
            sys.stdout.write(f'{separator}  {{\n    {text[1:-1]}\n  }}')
            separator = ',\n'
    sys.stdout.write('[]\n' if separator == '[\n' else '\n]\n')


def find(service: Service, name: str) -> dict[str, Any]:
    """Return the ID of a backup by its name."""
    [[backup]] = pages(service, {'name': name}, None)
    return dict(backup)


def prune(service: Service, volume: str) -> None:
    """Delete all backups of a volume but the newest: read each again, and see that it is gone."""
    [[_, *others]] = pages(service, {'volume_id': volume}, None)
    for backup in others:
        path = f'/backups/{backup["id"]}'
        service.ask('GET', path)
        service.ask('DELETE', path)
        while service.status('GET', path) != http.client.NOT_FOUND:
            time.sleep(1)


def read_children(service: Service) -> None:
    """Read the children of each backup of volumes that have incremental backups."""
    [backups] = pages(service, {}, None)
    volumes = {backup['volume_id'] for backup in backups if backup['is_incremental']}
    for backup in backups:
        if backup['volume_id'] in volumes:
            list(pages(service, {'parent_id': backup['id'], 'all_tenants': '1'}, None))


def export(service: Service, volume: str) -> None:
    """Print the records of all backups of a volume."""
    [backups] = pages(service, {'volume_id': volume}, None)
    paths = [f'/backups/{backup["id"]}/export_record' for backup in backups]
    records = [service.ask('GET', path)[1] for path in paths]
    sys.stdout.write(json.dumps(records, indent=2) + '\n')


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser()
    parser.add_argument('command', choices=['list', 'show', 'delete', 'prune', 'tree', 'export'])
    parser.add_argument('names', nargs='*')
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--query', type=json.loads, default={})
    parser.add_argument('--most', type=int)
    parsed = parser.parse_args()
    service = connect()
    if parsed.command == 'list':
        found = pages(service, parsed.query, parsed.most)
        print_rows(found, LONG if parsed.long else SHORT)
    if parsed.command == 'tree':
        read_children(service)
    if parsed.command == 'prune':
        prune(service, parsed.names.pop())
    if parsed.command == 'export':
        export(service, parsed.names.pop())
    for name in parsed.names:
        backup = find(service, name)
        if parsed.command == 'show':
            sys.stdout.write(json.dumps(backup, indent=2) + '\n')
        else:
            service.ask('DELETE', f'/backups/{backup["id"]}')


if __name__ == '__main__':
    main()
