# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core.filters import Property
from backupext.core.models import Attachment, Volume
from backupext.core.scratch import Mark
from backupext.core.selection import Selection, find_called, is_temporary

COPY = 'backup-vol-11111111-aaaa-4bbb-8ccc-000000000001'


class SelectionTest(unittest.TestCase):
    def taken(self, selection: Selection, **fields: object) -> bool:
        return (
            selection.takes(Volume('v', 'mail'))
            if not fields
            else selection.takes(
                Volume('v', **{'name': 'mail', **fields})  # type: ignore[arg-type]
            )
        )

    def test_nothing_is_selected_by_default(self) -> None:
        self.assertTrue(Selection().is_empty)
        self.assertFalse(self.taken(Selection()))

    def test_all_volumes_are_selected(self) -> None:
        self.assertTrue(self.taken(Selection(all_volumes=True)))

    def test_volume_is_selected_by_id(self) -> None:
        self.assertTrue(self.taken(Selection(volumes=('v',))))
        self.assertFalse(self.taken(Selection(volumes=('w',))))

    def test_volume_is_selected_by_its_server(self) -> None:
        selection = Selection(servers=('s',))
        self.assertTrue(self.taken(selection, attachments=(Attachment('t'), Attachment('s'))))
        self.assertFalse(self.taken(selection, attachments=(Attachment('t'),)))

    def test_one_of_several_properties_selects(self) -> None:
        selection = Selection(properties=(Property('tier', 'gold'), Property('nightly')))
        self.assertTrue(self.taken(selection, metadata={'tier': 'gold'}))
        self.assertTrue(self.taken(selection, metadata={'nightly': ''}))
        self.assertFalse(self.taken(selection, metadata={'tier': 'silver'}))

    def test_exclusion_beats_every_selector(self) -> None:
        everything = Selection(volumes=('v',), all_volumes=True)
        for excluded in ('v', 'mail', ' mail '):
            self.assertFalse(self.taken(everything._replace(excluded=(excluded,))))
        by_property = everything._replace(excluded_properties=(Property('skip'),))
        self.assertFalse(self.taken(by_property, metadata={'skip': '1'}))
        self.assertTrue(self.taken(by_property, metadata={'keep': '1'}))

    def test_temporary_copies_are_selected_only_by_id(self) -> None:
        everything = Selection(all_volumes=True)
        self.assertFalse(self.taken(everything, consumes_quota=False))
        self.assertFalse(self.taken(everything, name=COPY))
        self.assertTrue(self.taken(Selection(volumes=('v',)), name=COPY))

    def test_scratch_volumes_are_temporary(self) -> None:
        mark = Mark('0badcafe', COPY.removeprefix('backup-vol-'))
        scratch = Volume('v', mark.name, description=mark.description)
        self.assertTrue(is_temporary(scratch))
        self.assertFalse(is_temporary(Volume('v', mark.name)))

    def test_only_cinders_names_are_temporary(self) -> None:
        self.assertTrue(is_temporary(Volume('v', COPY)))
        self.assertFalse(is_temporary(Volume('v', 'backup-vol-mail')))
        self.assertFalse(is_temporary(Volume('v', consumes_quota=True)))

    def test_an_id_beats_a_name(self) -> None:
        named, other = Volume('v', 'w'), Volume('w', 'mail')
        self.assertEqual(find_called('w', [named, other]), [other])
        self.assertEqual(find_called('mail', [named, other]), [other])
        self.assertEqual(find_called('x', [named, other]), [])
