package io.satchel.image.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.fs.NtfsMaker;
import io.satchel.image.inspect.Inspector.Findings;
import io.satchel.image.inspect.Inspector.Firmware;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is in an image that the distribution's own tools made: the sentence and the preset. */
class InspectTest {
  private static final int MIB = 1 << 20;

  @TempDir Path folder;

  private static void tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
  }

  private Path empty(int mib) throws IOException {
    Path disk = folder.resolve("disk.img");
    Files.deleteIfExists(disk);
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.setLength((long) mib * MIB);
    }
    return disk;
  }

  private static Findings inspect(Path disk) throws IOException {
    try (OpenedImage image = Images.open(disk, OpenOptions.readOnly().withFormat("raw"))) {
      return Inspector.inspect(image);
    }
  }

  private static byte[] software(String product, String number, String build, String pack) {
    HiveBuilder hive = new HiveBuilder();
    HiveBuilder key = hive.key("Microsoft\\Windows NT\\CurrentVersion");
    key.text("CurrentVersion", number).text("CurrentBuildNumber", build);
    if (!product.isEmpty()) {
      key.text("ProductName", product);
    }
    if (!pack.isEmpty()) {
      key.text("CSDVersion", pack);
    }
    if (product.startsWith("Windows 10")) {
      key.number("CurrentMajorVersionNumber", 10).number("CurrentMinorVersionNumber", 0);
    }
    return hive.build();
  }

  private static byte[] system(String type, String suite, String processor) {
    HiveBuilder hive = new HiveBuilder();
    hive.key("Select").number("Current", 2);
    HiveBuilder set = hive.key("ControlSet002");
    set.key("Control\\ProductOptions").text("ProductType", type).text("ProductSuite", suite, "x");
    set.key("Control\\Session Manager\\Environment").text("PROCESSOR_ARCHITECTURE", processor);
    set.key("Services\\atapi").number("Start", 0).text("Group", "SCSI miniport");
    set.key("Services\\Beep").number("Start", 1);
    set.key("Services\\acme").number("Start", 0).text("Group", "SCSI miniport");
    set.key("Services\\storahci").number("Start", 3).text("Group", "SCSI miniport");
    set.key("Enum\\Root\\ACPI_HAL\\0000").text("HardwareID", "acpiapic_up", "ACPI\\PNP0C08");
    return hive.build();
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "WINNT, '', 4.0, 1381, Service Pack 6, WinNT, '', x86,"
            + " 'Windows NT 4.0 Workstation SP6, 32-bit', windows-nt",
        "WINNT, Microsoft Windows 2000, 5.0, 2195, Service Pack 4, WinNT, '', x86,"
            + " 'Windows 2000 Professional SP4, 32-bit', windows-2000",
        "WINDOWS, Microsoft Windows XP, 5.1, 2600, Service Pack 3, WinNT, '', x86,"
            + " 'Windows XP Professional SP3, 32-bit', windows-xp",
        "WINDOWS, Microsoft Windows XP, 5.1, 2600, '', WinNT, Personal, x86,"
            + " 'Windows XP Home, 32-bit', windows-xp",
        "Windows, Windows Vista (TM) Business, 6.0, 6002, Service Pack 2, WinNT, '', x86,"
            + " 'Windows Vista Business SP2, 32-bit', windows-7",
        "Windows, Windows 7 Ultimate, 6.1, 7601, Service Pack 1, WinNT, '', AMD64,"
            + " 'Windows 7 Ultimate SP1, 64-bit', windows-7-x64",
        "Windows, Windows 10 Pro, 6.3, 19045, '', WinNT, '', AMD64,"
            + " 'Windows 10 Pro, 64-bit', windows-10",
        "Windows, Windows 10 Pro, 6.3, 22631, '', WinNT, '', AMD64,"
            + " 'Windows 11 Pro, 64-bit', windows-11",
        "ReactOS, ReactOS, 5.2, 3790, '', WinNT, '', x86, 'ReactOS, 32-bit', reactos",
      })
  void windowsIsToldByItsRegistry(
      String where,
      String product,
      String number,
      String build,
      String pack,
      String type,
      String suite,
      String processor,
      String name,
      String preset)
      throws IOException {
    Path disk = empty(16);
    QemuImg.needs("mkntfs");
    tool("mkntfs", "-q", "-Q", "-F", disk);
    try (NtfsMaker maker = new NtfsMaker(disk)) {
      maker.file("/" + where + "/system32/config/SOFTWARE", software(product, number, build, pack));
      maker.file("/" + where + "/system32/config/system", system(type, suite, processor));
    }
    Findings found = inspect(disk);
    assertThat(found.sentence())
        .matches(Pattern.quote(name) + ", on NTFS, [0-9.]+ of 16.8 MB used, starts from BIOS");
    assertThat(found.preset()).isEqualTo(preset);
    OperatingSystem system = found.systems().getFirst();
    assertThat(system.facts())
        .containsEntry("hal", List.of("acpiapic_up"))
        .containsEntry("disk-buses", List.of("ide"))
        .containsEntry("boot-drivers", List.of("acme", "atapi"));
    assertThat(system.version()).endsWith("." + build);
  }

  @Test
  void aHibernatedWindowsAndABrokenRegistryAreSaid() throws IOException {
    Path disk = empty(16);
    QemuImg.needs("mkntfs");
    tool("mkntfs", "-q", "-Q", "-F", "-L", "C", disk);
    try (NtfsMaker maker = new NtfsMaker(disk)) {
      byte[] sleeping = new byte[8192];
      System.arraycopy("hibr".getBytes(StandardCharsets.US_ASCII), 0, sleeping, 0, 4);
      maker.file("/hiberfil.sys", sleeping);
      maker.file(
          "/WINDOWS/system32/config/SOFTWARE", software("Microsoft Windows XP", "5.1", "2600", ""));
    }
    assertThat(inspect(disk).sentence())
        .contains("Windows XP Professional, 32-bit, on NTFS named C, ")
        .contains(" used, which holds a hibernated Windows, starts");
    disk = empty(16);
    tool("mkntfs", "-q", "-Q", "-F", disk);
    try (NtfsMaker maker = new NtfsMaker(disk)) {
      maker.file("/WINDOWS/system32/config/SOFTWARE", new byte[9000]);
    }
    assertThat(inspect(disk).sentence()).contains("is no registry hive");
  }

  @ParameterizedTest
  @CsvSource({
    "4.00.950, Windows 95, windows-95",
    "4.00.1111, Windows 95 OSR2, windows-95",
    "4.10.1998, Windows 98, windows-98",
    "4.10.2222, Windows 98 Second Edition, windows-98",
    "4.90.3000, Windows ME, windows-me",
  })
  void windows9xIsToldByItsRegistry(String version, String name, String preset) throws IOException {
    Path registry = folder.resolve("system.dat");
    Files.writeString(
        registry, "CREG\0\0RGDB\0\0\0SubVersionNumber B VersionNumber" + version + "\0");
    Path paths = folder.resolve("msdos.sys");
    Files.writeString(paths, "[Paths]\r\nWinDir=C:\\WIN9X\r\n[Options]\r\nBootGUI=1\r\n");
    Path disk = empty(40);
    tool("mkfs.vfat", "-F", "16", "-n", "DISK", disk);
    tool("mmd", "-i", disk, "::WIN9X");
    tool("mcopy", "-i", disk, registry, "::WIN9X/SYSTEM.DAT");
    tool("mcopy", "-i", disk, paths, "::MSDOS.SYS");
    Findings found = inspect(disk);
    assertThat(found.sentence()).startsWith(name + ", 32-bit, on FAT16 named DISK, ");
    assertThat(found.preset()).isEqualTo(preset);
  }

  @ParameterizedTest
  @CsvSource({
    "'IO.SYS,MSDOS.SYS', 'MS-DOS 6.22', ms-dos",
    "'KERNEL.SYS', FreeDOS, freedos",
    "'IBMBIO.COM,IBMDOS.COM', PC DOS 6.22, ms-dos",
  })
  void dosIsToldByTheFilesThatItStartsFrom(String files, String name, String preset)
      throws IOException {
    Path disk = folder.resolve("floppy.img");
    tool("mkfs.vfat", "-C", disk, "1440");
    Path shell = folder.resolve("command.com");
    Files.writeString(shell, "\u0001\u0002Microsoft(R) MS-DOS(R) Version 6.22\r\n");
    tool("mcopy", "-i", disk, shell, "::COMMAND.COM");
    for (String each : files.split(",")) {
      Path file = folder.resolve("file");
      Files.writeString(file, "a program");
      tool("mcopy", "-o", "-i", disk, file, "::" + each);
    }
    Findings found = inspect(disk);
    assertThat(found.sentence())
        .matches(name + ", 16-bit, on FAT12, [0-9.]+ of 1.5 MB used, starts from BIOS");
    assertThat(found.preset()).isEqualTo(preset);
  }

  @Test
  void linuxIsToldByItsReleaseKernelAndShell() throws IOException {
    Path root = Files.createDirectories(folder.resolve("root"));
    for (String each : List.of("etc", "usr/lib", "usr/bin", "lib/modules/6.1.0-18-686", "sbin")) {
      Files.createDirectories(root.resolve(each));
    }
    Files.createSymbolicLink(root.resolve("bin"), Path.of("usr/bin"));
    Files.createSymbolicLink(root.resolve("usr/bin/sh"), Path.of("dash"));
    byte[] elf = new byte[64];
    ByteBuffer.wrap(elf)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0, 0x464c457f)
        .putShort(18, (short) 3);
    elf[4] = 1;
    Files.write(root.resolve("usr/bin/dash"), elf);
    Files.createSymbolicLink(root.resolve("etc/os-release"), Path.of("../usr/lib/os-release"));
    Files.writeString(
        root.resolve("usr/lib/os-release"),
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian\"\nVERSION_ID=\"12\"\n");
    Files.writeString(root.resolve("etc/fstab"), "# comment\n/dev/hda1  /  ext4 defaults 0 1\n");
    Path disk = empty(24);
    tool("mkfs.ext4", "-q", "-F", "-L", "root", "-d", root, disk);
    Findings found = inspect(disk);
    assertThat(found.sentence())
        .matches(
            "Debian GNU/Linux 12 \\(bookworm\\), 32-bit, on ext4 named root, "
                + "[0-9.]+ of 25.2 MB used, nothing starts from it");
    assertThat(found.preset()).isEqualTo("linux");
    assertThat(found.systems().getFirst().facts())
        .containsEntry("kernels", List.of("6.1.0-18-686"))
        .containsEntry("fstab", List.of("/dev/hda1 / ext4 defaults 0 1"));
  }

  @Test
  void haikuAndTheBsdsAreToldByTheirBootRecords() throws IOException {
    Path disk = empty(4);
    byte[] bytes = Files.readAllBytes(disk);
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    b.put(512, "Haiku".getBytes(StandardCharsets.US_ASCII)).putInt(544, 0x42465331);
    Files.write(disk, bytes);
    assertThat(inspect(disk).sentence()).startsWith("Haiku, on BFS named Haiku, ");
    assertThat(inspect(disk).preset()).isEqualTo("haiku");
    bytes = new byte[4 * MIB];
    b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    b.put(0, (byte) 0xfa).putShort(510, (short) 0xaa55);
    b.put(446, (byte) 0x80).put(450, (byte) 0xa5).putInt(454, 64).putInt(458, 8000);
    b.putInt(64 * 512 + 65_536 + 1372, 0x19540119);
    Files.write(disk, bytes);
    assertThat(inspect(disk).sentence()).isEqualTo("FreeBSD, on UFS2, starts from BIOS");
    assertThat(inspect(disk).preset()).isEqualTo("bsd");
  }

  @Test
  void aDiscIsToldByWhatItInstallsAndHowItStarts() throws IOException {
    Path files = Files.createDirectories(folder.resolve("disc/.disk"));
    Files.writeString(
        files.resolve("info"), "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official i386 NETINST\n");
    Path root = folder.resolve("disc");
    Files.write(root.resolve("boot.bin"), new byte[2048]);
    Files.write(root.resolve("efi.img"), new byte[4096]);
    Path disc = folder.resolve("disc.iso");
    tool(
        "xorriso",
        "-as",
        "mkisofs",
        "-V",
        "DEBIAN",
        "-R",
        "-b",
        "boot.bin",
        "-no-emul-boot",
        "-eltorito-alt-boot",
        "-e",
        "efi.img",
        "-no-emul-boot",
        "-o",
        disc,
        root);
    Findings found = inspect(disc);
    assertThat(found.firmware()).isEqualTo(Firmware.BOTH);
    assertThat(found.sentence())
        .isEqualTo(
            "Installer of Debian GNU/Linux 12.5.0 \"Bookworm\", 32-bit, on a CD or DVD named"
                + " DEBIAN, starts from BIOS and UEFI");
    Path other = Files.createDirectories(folder.resolve("other/I386"));
    Files.writeString(
        other.resolve("TXTSETUP.SIF"), "[SetupData]\r\nMajorVersion = 5\r\nMinorVersion = 1\r\n");
    tool("xorriso", "-as", "mkisofs", "-V", "WXPCCP_EN", "-o", disc, folder.resolve("other"));
    assertThat(inspect(disc).sentence())
        .isEqualTo(
            "Installer of Windows XP, 32-bit, on a CD or DVD named WXPCCP_EN,"
                + " nothing starts from it");
    assertThat(inspect(disc).preset()).isEqualTo("windows-xp");
  }
}
