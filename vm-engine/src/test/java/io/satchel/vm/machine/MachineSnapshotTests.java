package io.satchel.vm.machine;

import static io.satchel.vm.machine.SnapshotRig.MILLISECOND;
import static io.satchel.vm.machine.SnapshotRig.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real boot loader, saved while it starts and restored in another machine. */
class MachineSnapshotTests {

  /** GRUB is being read from the floppy. */
  private static final long LOADING = 250 * MILLISECOND;

  /** GRUB has answered at its prompt. */
  private static final long ANSWERED = 2_600 * MILLISECOND;

  @TempDir private Path folder;

  @Test
  void aRestoredMachineRunsAsTheOneThatWasNeverSaved() throws Exception {
    compare(3, 1, LOADING, "GRUB loading");
  }

  @Test
  @Tag("guests")
  void aRestoredMachineRunsAsTheOneThatWasNeverSavedFromFiftyMoments() throws Exception {
    compare(50, 2, ANSWERED, "\nsatchel");
  }

  private void compare(int moments, long seed, long end, String shown) throws Exception {
    String never = uninterrupted(end);
    assertThat(never).contains(shown);
    Path disk = SnapshotRig.scratch(folder, "disk.qcow2", 64 << 20);
    List<Long> times =
        new Random(seed).longs(moments, 5 * MILLISECOND, end).sorted().boxed().toList();
    try (SnapshotRig saved = new SnapshotRig(SnapshotRig.grub(disk))) {
      List<CompletableFuture<io.satchel.vm.api.Saving>> savings = new ArrayList<>();
      for (int i = 0; i < moments; i++) {
        savings.add(saved.saveAt(times.get(i), "moment" + i));
      }
      play(saved, 0);
      CompletableFuture<String> result = saved.fingerprintAt(end);
      saved.machine.start();
      for (CompletableFuture<io.satchel.vm.api.Saving> saving : savings) {
        await(await(saving).done());
        saved.machine.resume();
      }
      assertThat(await(result)).isEqualTo(never);
    }
    for (int i = 0; i < moments; i++) {
      try (SnapshotRig restored = new SnapshotRig(SnapshotRig.grub(disk))) {
        await(restored.machine.restore("moment" + i));
        play(restored, times.get(i));
        CompletableFuture<String> result = restored.fingerprintAt(end);
        restored.machine.start();
        assertThat(await(result)).as("saved at %d ns", times.get(i)).isEqualTo(never);
      }
    }
  }

  private String uninterrupted(long end) throws Exception {
    Path disk = SnapshotRig.scratch(folder, "never.qcow2", 64 << 20);
    try (SnapshotRig rig = new SnapshotRig(SnapshotRig.grub(disk))) {
      play(rig, 0);
      CompletableFuture<String> result = rig.fingerprintAt(end);
      rig.machine.start();
      return await(result);
    }
  }

  private static void play(SnapshotRig rig, long notBefore) {
    rig.type("c", 1_100 * MILLISECOND, notBefore);
    rig.type("echo sat${x}chel\n", 1_200 * MILLISECOND, notBefore);
  }
}
