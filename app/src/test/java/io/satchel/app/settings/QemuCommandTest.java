package io.satchel.app.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.vm.api.MachineConfig.BootDevice;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A machine as QEMU's line and back. */
class QemuCommandTest {

  private static final Path FOLDER = Path.of("/images").toAbsolutePath();

  private static String file(String name) {
    return FOLDER.resolve(name).toString().replace('\\', '/');
  }

  @Test
  void aMachineBecomesALineAndTheLineTheMachine() {
    MachineFile machine =
        MachineFile.named("It's old, very", 128, "pentium2")
            .withProcessors(2)
            .withDisks(
                List.of(
                    new Disk(
                        file("a b,c.img"),
                        List.of(),
                        0,
                        true,
                        false,
                        CacheMode.WRITEBACK,
                        "OLD, 1"),
                    new Disk(file("d.img"), List.of(), 3, false, true, CacheMode.UNSAFE, null)))
            .withMedia(file("cd.iso"), file("a.flp"), null)
            .withBoot(
                List.of(BootDevice.CD, BootDevice.HARD_DISK, BootDevice.FLOPPY),
                BootDevice.FLOPPY,
                true)
            .withDate(LocalDateTime.parse("1999-12-31T23:59:00"));
    String line = QemuCommand.of(new Entry(FOLDER, machine, null));
    assertThat(line)
        .startsWith("qemu-system-i386 -machine pc")
        .contains(
            "-m 128",
            "-smp 2",
            "serial=OLD,, 1",
            "-cpu pentium2",
            "readonly=on",
            "snapshot=on",
            "once=a",
            "menu=on");
    QemuCommand.Parsed parsed = QemuCommand.parse(line, FOLDER);
    assertThat(parsed.ignored()).isEmpty();
    assertThat(parsed.machine().withName("")).isEqualTo(machine.withName(""));
    assertThat(parsed.machine().name()).as("up to the comma, as QEMU has it").isEqualTo("It's old");
  }

  @Test
  void aLineFromAForumIsUnderstood() {
    QemuCommand.Parsed parsed =
        QemuCommand.parse(
            "$ qemu-system-i386.exe -L . -m 1G -hda \"C:\\Old PC\\win98.qcow2\" -cdrom win98.iso"
                + " -boot d -vga cirrus -soundhw sb16 -net nic,model=ne2k_pci -enable-kvm",
            FOLDER);
    assertThat(parsed.machine().memoryMib()).isEqualTo(1024);
    assertThat(parsed.machine().disks()).hasSize(1);
    assertThat(parsed.machine().disks().getFirst().file()).contains("win98.qcow2");
    assertThat(parsed.machine().cd()).isEqualTo(file("win98.iso"));
    assertThat(parsed.machine().bootOrder().getFirst()).isEqualTo(BootDevice.CD);
    assertThat(parsed.ignored())
        .contains("-vga cirrus", "-soundhw sb16", "-net nic,model=ne2k_pci");
  }

  @Test
  void aDiskWhereTheCdDriveIsMovesToAFreePlace() {
    MachineFile machine =
        QemuCommand.parse("qemu-system-i386 -hda a.img -hdc c.img -snapshot", FOLDER).machine();
    assertThat(machine.disks()).extracting(Disk::unit).containsExactly(0, 1);
    assertThat(machine.disks()).allMatch(Disk::throwAway);
    assertThat(machine.mistakes()).hasSize(1).allMatch(each -> each.key().equals("repair.noName"));
  }

  @Test
  void whatIsTooMuchIsSaidToBeLeftOut() {
    QemuCommand.Parsed parsed =
        QemuCommand.parse("qemu-system-x86_64 -m 16G -drive file=x.qcow2,if=virtio", FOLDER);
    assertThat(parsed.machine().memoryMib()).isEqualTo(MachineFile.MAX_MEMORY_MIB);
    assertThat(parsed.ignored()).containsExactly("-m 16G", "if=virtio");
    assertThat(parsed.machine().disks()).hasSize(1);
  }

  @Test
  void anotherTextIsNoLine() {
    assertThatThrownBy(() -> QemuCommand.parse("rm -rf /", FOLDER))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> QemuCommand.parse("   ", FOLDER))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
