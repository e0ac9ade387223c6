package io.satchel.guests;

import io.satchel.image.Images;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest that is saved at random moments while it boots, and restored in a new process each time,
 * reaches the same prompt and answers what is typed. {@code -Dsatchel.moments} gives their number.
 */
@Tag("guests")
class SnapshotGuestsTest {

  @TempDir private Path folder;

  private static final int MOMENTS = Integer.getInteger("satchel.moments", 50);

  @Test
  void grubReachesItsPromptFromFiftyMoments() throws Exception {
    reachesItsPrompt(
        Guests.installed(Guests.GRUB_CD, "grub-rescue-pc"),
        MOMENTS,
        1.5,
        16,
        "--expect",
        "GNU/Linux",
        "--wait",
        "1",
        "--type",
        "c",
        "--expect",
        "grub>",
        "--type",
        "echo sat${nothing}chel\n",
        "--expect",
        "\nsatchel");
  }

  @Test
  void linuxReachesItsPromptFromFiftyMoments() throws Exception {
    reachesItsPrompt(
        Guests.made("busybox-686.iso"),
        MOMENTS,
        20,
        512,
        "--expect",
        "BUSYBOX-UP",
        "--wait",
        "2",
        "--type",
        "echo sat${nothing}chel\n",
        "--expect",
        "\nsatchel");
  }

  /**
   * @param seconds of the computer's time within which it is saved; the prompt comes later
   */
  private void reachesItsPrompt(
      Path cd, int moments, double seconds, int memoryMib, String... steps) throws Exception {
    Path disk = folder.resolve("disk.qcow2");
    Images.create(disk, "qcow2", 64 << 20, Map.of());
    List<Object> machine =
        List.of(
            "--overlay",
            folder.resolve("changes.qcow2"),
            "--cdrom",
            cd,
            "--boot",
            "d",
            "--memory",
            memoryMib,
            "--clock",
            "instructions",
            "--date",
            "2003-04-05T06:07:08",
            "--timeout",
            "1800");
    List<Object> saving = new ArrayList<>(List.of(disk));
    saving.addAll(machine);
    double[] times = new Random(1).doubles(moments, 0.01, seconds).sorted().toArray();
    double now = 0;
    for (int i = 0; i < moments; i++) {
      saving.add("--wait");
      saving.add(String.format(Locale.ROOT, "%.6f", times[i] - now));
      saving.add("--save");
      saving.add("moment " + i);
      now = times[i];
    }
    Guests.run(List.of(), saving.toArray());
    for (int i = 0; i < moments; i++) {
      List<Object> restoring = new ArrayList<>(List.of(disk));
      restoring.addAll(machine);
      restoring.add("--restore");
      restoring.add("moment " + i);
      restoring.addAll(List.of(steps));
      Guests.runApart(restoring.toArray());
    }
  }
}
