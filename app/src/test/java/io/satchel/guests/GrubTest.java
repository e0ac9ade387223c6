package io.satchel.guests;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A real boot loader that no one here wrote, from floppy and CD, under both firmwares: part of
 * every test run.
 */
class GrubTest {

  @Test
  void grubFromFloppyAnswersACommandUnderOurFirmware() {
    answers(List.of("--floppy"), Guests.installed(Guests.GRUB_FLOPPY, "grub-rescue-pc"));
  }

  @Test
  void grubFromCdAnswersACommandUnderOurFirmware() {
    answers(List.of(), Guests.installed(Guests.GRUB_CD, "grub-rescue-pc"));
  }

  @Test
  void grubFromFloppyAnswersACommandUnderSeaBios() {
    List<String> options = new ArrayList<>(Guests.seaBios());
    options.add("--floppy");
    answers(options, Guests.installed(Guests.GRUB_FLOPPY, "grub-rescue-pc"));
  }

  @Test
  void grubFromCdAnswersACommandUnderSeaBios() {
    answers(Guests.seaBios(), Guests.installed(Guests.GRUB_CD, "grub-rescue-pc"));
  }

  private static void answers(List<String> options, Object image) {
    Guests.run(
        options,
        image,
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
        "\nsatchel",
        "--timeout",
        "240");
  }
}
