# SPDX-License-Identifier: Apache-2.0
import gc

from tests.unit.living import LivingTest


class CollectorTest(LivingTest):
    def see_collector(self, command: str) -> tuple[int, int, int]:
        """Run a command; return frozen objects and first threshold meanwhile, and the status."""
        seen: list[tuple[int, int]] = []
        self.cloud.before_answer = lambda _: seen.append(
            (gc.get_freeze_count(), gc.get_threshold()[0])
        )
        status = self.openstack(command).status
        return (*seen[-1], status)

    def test_collector_ignores_what_osc_has_loaded(self) -> None:
        usual, _, _ = gc.get_threshold()
        for command in ('list', 'tree'):
            with self.subTest(command):
                frozen, threshold, status = self.see_collector(f'volume backup {command}')
                self.assertEqual(status, 0)
                self.assertGreater(frozen, 10_000)
                self.assertGreater(threshold, usual)

    def test_other_commands_are_not_affected(self) -> None:
        # Older releases of OSC ask for more than the simulated cloud has, and fail.
        frozen, threshold, _ = self.see_collector('volume type list')
        self.assertEqual((frozen, threshold), (0, gc.get_threshold()[0]))
