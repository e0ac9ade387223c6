package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineConfig.Kernel;
import io.satchel.vm.api.MachineEvents.Cause;
import io.satchel.vm.api.MachineEvents.End;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.MemoryDisk;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.TextScreen;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Satchel's firmware with the real devices under it: programs in hexadecimal, on real media. */
class FirmwareTests {

  private static final long MILLISECOND = 1_000_000;
  private static final int SECTOR = 512;
  private static final int CD_BLOCK = 2048;

  /** Prints a letter and ends. */
  private static String says(char letter) {
    return "B0 %02X E6E9 E6F4 EBFE".formatted((int) letter);
  }

  private static MachineConfig drives(MachineConfig config, Drive... drives) {
    return config.withDrives(List.of(drives));
  }

  @Test
  void hardDiskIsWrittenByCylindersAndByBlocks() throws Exception {
    // INT 13h 41h; 03h to sector 5; 43h to block 9; 42h and compare; 48h, whose size is printed.
    MemoryDisk disk =
        BootRig.medium(
            8 << 20,
            """
            31c08ed88ec08ed0bc007cfcb441bbaa55cd13726881fb55aa7562bf0010b90001b85a5af3abb80103bb0010
            b90500b600cd137248be847cb80043cd13723ec706887c0020b442cd137232be0010bf0020b90001f3a77525
            be0030c7041a00b448cd137218817c18000275118b4410e6e988e0e6e9b059e6e9e6f4ebfeb04eebf6000000
            10000100001000000900000000000000
            """);
    BootRig rig = new BootRig();
    PcMachine machine =
        rig.machine(drives(BootRig.config(), new Drive(DriveKind.HARD_DISK, 0, disk)));
    assertThat(rig.run(machine).cause()).isEqualTo(Cause.EXIT_PORT);
    assertThat(rig.text).hasToString("\u0000\u0040Y"); // 4000h sectors
    for (int sector : new int[] {4, 9}) {
      assertThat(disk.bytes[sector * SECTOR]).as("sector %d", sector).isEqualTo((byte) 0x5A);
      assertThat(disk.bytes[sector * SECTOR + 511]).isEqualTo((byte) 0x5A);
      assertThat(disk.bytes[(sector + 1) * SECTOR]).isZero();
    }
  }

  /** A CD whose boot entry has {@code type}, with its image at block 20. */
  private static MemoryDisk cd(int type, byte[] image) {
    MemoryDisk cd = new MemoryDisk(20 * CD_BLOCK + image.length, true);
    ByteBuffer bytes = ByteBuffer.wrap(cd.bytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(16 * CD_BLOCK, (byte) 1).put(16 * CD_BLOCK + 1, latin("CD001\u0001"));
    bytes.put(17 * CD_BLOCK + 1, latin("CD001\u0001EL TORITO SPECIFICATION"));
    bytes.putInt(17 * CD_BLOCK + 0x47, 19);
    int catalog = 19 * CD_BLOCK;
    bytes.put(catalog, (byte) 1).putShort(catalog + 0x1C, (short) (-1 - 0xAA55));
    bytes.putShort(catalog + 0x1E, (short) 0xAA55);
    bytes.put(catalog + 0x20, (byte) 0x88).put(catalog + 0x21, (byte) type);
    bytes.putShort(catalog + 0x26, (short) 1).putInt(catalog + 0x28, 20);
    bytes.put(20 * CD_BLOCK, image);
    return cd;
  }

  private static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  // Media types: 1 1.2 MB, 2 1.44 MB, 3 2.88 MB, 4 hard disk. Head 1's first block by the geometry.
  @ParameterizedTest
  @CsvSource({"1, 1228800, 15, 0", "2, 1474560, 18, 0", "3, 2949120, 36, 0", "4, 4194304, 17, 128"})
  void cdImageIsTheDriveItStartedFrom(int type, int size, int block, int drive) throws Exception {
    // Prints DL, the first byte of cylinder 0, head 1, sector 1, and the media type by 4B01h.
    byte[] image =
        BootRig.medium(
                size,
                """
                31c08ed88ec08ed0bc007c88d00430e6e9b80102bb0010b90100b601cd13b0217203a00010e6e9b8014bbe
                0020c60413cd13b03f7205a001200430e6e9e6f4ebfe
                """)
            .bytes;
    if (type == 4) {
      // One partition, which ends at cylinder 7, head 3, sector 17: the disk has 4 heads.
      byte[] entry = BootRig.bytes("80 00 02 00 06 03 11 07 01000000 FF1F0000");
      System.arraycopy(entry, 0, image, 0x1BE, entry.length);
    }
    image[block * SECTOR] = 'x';
    BootRig rig = new BootRig();
    PcMachine machine =
        rig.machine(drives(BootRig.config(), new Drive(DriveKind.CD, 2, cd(type, image))));
    assertThat(rig.run(machine).cause()).isEqualTo(Cause.EXIT_PORT);
    assertThat(rig.text).hasToString((char) ('0' + drive) + "x" + type);
  }

  @Test
  void menuOnF12StartsTheChosenDrive() throws Exception {
    BootRig rig = new BootRig();
    ScreenImage screen = new ScreenImage();
    PcMachine machine =
        rig.machine(
            drives(
                BootRig.config(),
                new Drive(DriveKind.FLOPPY, 0, BootRig.floppy(says('F'))),
                new Drive(DriveKind.HARD_DISK, 0, BootRig.medium(1 << 20, says('H')))));
    machine.attach(screen);
    press(machine, Key.F12);
    StringBuilder seen = new StringBuilder();
    machine.at(
        400 * MILLISECOND,
        () -> {
          seen.append(String.valueOf(screen.text() == null ? "" : screen.text().asText()));
          press(machine, Key.DIGIT_2);
        });
    rig.run(machine);
    assertThat(seen).contains("start from", "1  Floppy A", "2  Hard disk");
    assertThat(rig.text).hasToString("H");
  }

  private static void press(PcMachine machine, Key key) {
    machine.key(key, true);
    machine.key(key, false);
  }

  @Test
  void withoutAKeyTheFirstDriveOfTheOrderStarts() throws Exception {
    BootRig rig = new BootRig();
    PcMachine machine =
        rig.machine(
            drives(
                    BootRig.config(),
                    new Drive(DriveKind.FLOPPY, 0, BootRig.floppy(says('F'))),
                    new Drive(DriveKind.HARD_DISK, 0, BootRig.medium(1 << 20, says('H'))))
                .withBootOrder(List.of(BootDevice.HARD_DISK, BootDevice.FLOPPY)));
    rig.run(machine);
    assertThat(rig.text).hasToString("H");
  }

  @Test
  void apmTurnsTheMachineOff() throws Exception {
    // INT 15h 5300h, 5301h, 530Eh; 5307h: all devices, off.
    BootRig rig = new BootRig();
    MemoryDisk disk =
        BootRig.floppy(
            """
            31c08ed0bc007cb8005331dbcd1572fe81fb4d5075feb8015331dbcd1572feb80e5331dbb90201cd15b80753
            bb0100b90300cd15ebfe
            """);
    End end = rig.run(rig.machine(BootRig.withFloppy(BootRig.config(), disk)));
    assertThat(end.cause()).isEqualTo(Cause.POWERED_OFF);
    assertThat(end.status()).isZero();
  }

  @Test
  void softOffThroughAcpiTurnsTheMachineOff() throws Exception {
    // Waits for PWRBTN in PMSTS, then SUS_EN with type 0 to PMCNTRL.
    BootRig rig = new BootRig();
    MemoryDisk disk =
        BootRig.floppy("B052 E6E9 BA0006 ED F6C401 74FA B050 E6E9 BA0406 B80020 EF EBFE");
    PcMachine machine = rig.machine(BootRig.withFloppy(BootRig.config(), disk));
    rig.onText = machine::powerButton;
    End end = rig.run(machine);
    assertThat(rig.text).hasToString("RP");
    assertThat(end.cause()).isEqualTo(Cause.POWERED_OFF);
    assertThat(end.status()).isZero();
  }

  @Test
  void vbeSetsAModeAndItsBankShowsOnTheScreen() throws Exception {
    // 4F00h, 4F01h, 4F02h mode 118h, 4F05h bank 1 with three bytes FFh, 4F03h printed.
    BootRig rig = new BootRig();
    MemoryDisk disk =
        BootRig.floppy(
            """
            31c08ed88ec08ed0bc007cb8004fbf001066c70556424532cd1083f84f756366813e0010564553417558b801
            4fb91841bf0020cd1083f84f754866813e122000040003753db8024fbb1801cd1083f84f7530b8054f31dbba
            0100cd1083f84f75216800a0072666c7060000ffffff00b8034fcd1088d8e6e988f8e6e9b059e6e9ebfeb04e
            ebf8
            """);
    PcMachine machine = rig.machine(BootRig.withFloppy(BootRig.config(), disk));
    ScreenImage screen = new ScreenImage();
    machine.attach(screen);
    int[] size = new int[3];
    machine.at(
        600 * MILLISECOND,
        () -> {
          size[0] = screen.width();
          size[1] = screen.height();
          size[2] = screen.pixel(65536 / 3 % 1024, 65536 / 3 / 1024) & 0xFFFFFF;
          rig.end.complete(new End(Cause.CLOSED, "", 0));
        });
    rig.run(machine);
    assertThat(rig.text).hasToString("\u0018\u0001Y");
    assertThat(size).containsExactly(1024, 768, 0xFFFF00); // 24 bits; its blue is in bank 0
  }

  @Test
  void mouseServiceCallsItsHandlerWithEachPacket() throws Exception {
    // INT 15h C205h, C207h, C200h; the handler prints status, x and y.
    BootRig rig = new BootRig();
    MemoryDisk disk =
        BootRig.floppy(
            """
            31c08ed88ec08ed0bc007cb805c2b703cd15721bb807c2bb357ccd157211b800c2b701cd157208b052e6e9fb
            f4ebfdb04ee6e9e6f45589e58a460ce6e98a460ae6e98a4608e6e9e6f45dcb
            """);
    PcMachine machine = rig.machine(BootRig.withFloppy(BootRig.config(), disk));
    rig.onText =
        () -> {
          if (rig.text.charAt(rig.text.length() - 1) == 'R') {
            machine.pointer(5, 3, 0, 1);
          }
        };
    rig.run(machine);
    assertThat(rig.text).hasToString("R\u0029\u0005\u00FD"); // y grows upwards; bit 5: negative
  }

  @Test
  void multibootKernelFindsItsCommandLineAndModule(@TempDir Path folder) throws Exception {
    // cmp eax, 2BADB002h; prints the command line and the module's first byte.
    byte[] code =
        BootRig.bytes(
            """
            3D02B0AD2B 7518 8B7310 AC 84C0 7404 E6E9 EBF7 8B7318 8B36 AC E6E9 B010 E6F4 F4
            B001 E6F4 F4
            """);
    Path kernel = Files.write(folder.resolve("kernel"), multiboot(code));
    Path module = Files.writeString(folder.resolve("module"), "m");
    BootRig rig = new BootRig();
    End end = rig.run(rig.machine(BootRig.config().withKernel(new Kernel(kernel, "a=b", module))));
    assertThat(rig.text).hasToString("kernel a=bm");
    assertThat(end.status()).isEqualTo(0x10 << 1 | 1);
  }

  /** An ELF file for 1 MiB: header, one program header, multiboot header, code. */
  private static byte[] multiboot(byte[] code) {
    int codeAt = 96;
    ByteBuffer elf = ByteBuffer.allocate(codeAt + code.length).order(ByteOrder.LITTLE_ENDIAN);
    elf.put(BootRig.bytes("7F454C46 010101")).position(16);
    elf.putShort((short) 2).putShort((short) 3).putInt(1).putInt(0x10_0000 + codeAt).putInt(52);
    elf.putInt(0).putInt(0).putShort((short) 52).putShort((short) 32).putShort((short) 1);
    elf.position(52);
    elf.putInt(1).putInt(0).putInt(0x10_0000).putInt(0x10_0000);
    elf.putInt(elf.capacity()).putInt(elf.capacity() + 4096).putInt(7).putInt(4096);
    elf.putInt(0x1BADB002).putInt(3).putInt(-0x1BADB005);
    return elf.put(code).array();
  }

  @Test
  void bootSectorFindsCachesOnAndMemoryTypesSet() throws Exception {
    // Prints CR0's top byte, and the low bytes of IA32_MTRR_DEF_TYPE and of MTRRfix4K_C0000.
    BootRig rig = new BootRig();
    MemoryDisk disk =
        BootRig.floppy(
            """
            0F20C0 66C1E818 E6E9 66B9FF020000 0F32 E6E9 88E0 E6E9 B96802 0F32 E6E9
            """
                + says('.'));
    rig.run(rig.machine(BootRig.withFloppy(BootRig.config(), disk)));
    assertThat(rig.text).hasToString("\u0000\u0006\u000C\u0005.");
  }

  @Test
  void runsOfTheSameMachineAreTheSame() throws IOException {
    // The program waits for ticks of timer and RTC and mixes the counter's low byte into a sum.
    String first = trace();
    assertThat(trace()).isEqualTo(first);
    assertThat(first.length()).isGreaterThan(10);
  }

  /** Everything that differs if one event comes one instruction later. */
  private static String trace() throws IOException {
    BootRig rig = new BootRig();
    MemoryDisk disk =
        BootRig.floppy("31DB B914 00 FB F4 E440 00C3 E440 30C7 88D8 E6E9 E2F3 88F8 E6E9 E6F4 EBFE");
    PcMachine machine = rig.machine(BootRig.withFloppy(BootRig.config(), disk));
    End end = rig.run(machine);
    return end.cause() + " " + machine.status() + " " + rig.text;
  }

  @Test
  void grubIsTheSameInstructionForInstructionEachTime() throws Exception {
    Path floppy = Path.of("/usr/lib/grub-rescue/grub-rescue-floppy.img");
    assumeTrue(Files.exists(floppy), "needs " + floppy + " of the Debian package grub-rescue-pc");
    String first = grub(floppy);
    assertThat(grub(floppy)).isEqualTo(first);
    assertThat(first).contains("GRUB");
  }

  /** Instructions and screen after 0.8 s. */
  private static String grub(Path floppy) throws IOException {
    BootRig rig = new BootRig();
    MemoryDisk disk = new MemoryDisk(1_474_560, false);
    byte[] image = Files.readAllBytes(floppy);
    System.arraycopy(image, 0, disk.bytes, 0, Math.min(image.length, disk.bytes.length));
    MachineConfig config = BootRig.config().withMemoryMib(64);
    PcMachine machine = rig.machine(BootRig.withFloppy(config, disk));
    ScreenImage screen = new ScreenImage();
    machine.attach(screen);
    StringBuilder seen = new StringBuilder();
    machine.at(
        800 * MILLISECOND,
        () -> {
          TextScreen text = screen.text();
          seen.append(machine.status().instructions()).append('\n');
          seen.append(text == null ? "" : text.asText());
          rig.end.complete(new End(Cause.CLOSED, "", 0));
        });
    rig.run(machine);
    return seen.toString();
  }
}
