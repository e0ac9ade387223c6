package io.satchel.image.inspect;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.Volume;
import io.satchel.image.inspect.Inspector.Firmware;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What a CD or DVD starts (El Torito), and what it installs. */
final class Disc {
  private static final int SECTOR = 2048;
  private static final int MAX_DESCRIPTORS = 64;
  private static final int PLATFORM_EFI = 0xef;

  private Disc() {}

  /** What the boot catalog offers (El Torito 1.0; UEFI 2.10, 13.3.2.1). */
  static Firmware firmware(BlockDevice disk) throws IOException {
    for (int i = 16; i < 16 + MAX_DESCRIPTORS && (i + 1L) * SECTOR <= disk.size(); i++) {
      ByteBuffer d = Volume.read(disk, (long) i * SECTOR, SECTOR);
      byte[] system = new byte[23];
      d.get(7, system);
      int type = d.get(0) & 0xff;
      if (type == 255) {
        break;
      }
      if (type != 0
          || !new String(system, StandardCharsets.ISO_8859_1).equals("EL TORITO SPECIFICATION")) {
        continue;
      }
      long catalog = (d.getInt(71) & 0xffffffffL) * SECTOR;
      if (catalog > disk.size() - SECTOR) {
        return Firmware.NONE;
      }
      ByteBuffer c = Volume.read(disk, catalog, SECTOR);
      boolean efi = (c.get(1) & 0xff) == PLATFORM_EFI;
      boolean bios = !efi && (c.get(32) & 0xff) == 0x88;
      for (int at = 64; at + 32 <= SECTOR; at += 32) {
        int header = c.get(at) & 0xff;
        if (header == 0x90 || header == 0x91) {
          efi |= (c.get(at + 1) & 0xff) == PLATFORM_EFI;
          bios |= c.get(at + 1) == 0;
        }
      }
      return bios ? efi ? Firmware.BOTH : Firmware.BIOS : efi ? Firmware.UEFI : Firmware.NONE;
    }
    return Firmware.NONE;
  }

  /** The system that the disc installs or starts, or null when it is none that is known. */
  static @Nullable OperatingSystem installer(FileSystem files) throws IOException {
    if (files.exists("/.disk/info")) {
      String info = DosFinder.text(files, "/.disk/info", 400).lines().findFirst().orElse("Linux");
      String architecture =
          info.contains("amd64") ? "64-bit" : info.contains("i386") ? "32-bit" : null;
      return system(info.replaceFirst(" - .*", "").strip(), architecture, "linux");
    }
    if (files.exists("/.treeinfo")) {
      String info = DosFinder.text(files, "/.treeinfo", 4000);
      Matcher m = Pattern.compile("(?m)^name *= *(.+)$").matcher(info);
      return system(
          m.find() ? m.group(1).strip() : "Linux",
          info.contains("x86_64") ? "64-bit" : "32-bit",
          "linux");
    }
    for (String folder : new String[] {"/I386", "/AMD64"}) {
      if (files.exists(folder + "/TXTSETUP.SIF")) {
        return windowsSetup(files, folder);
      }
    }
    if (files.exists("/sources/install.wim") || files.exists("/sources/install.esd")) {
      return system("Windows (Vista or later)", null, "windows-7");
    }
    for (Entry each : files.list("/")) {
      String name = each.name().toUpperCase(Locale.ROOT);
      switch (name) {
        case "WIN95" -> {
          return system("Windows 95", "32-bit", "windows-95");
        }
        case "WIN98" -> {
          return system("Windows 98", "32-bit", "windows-98");
        }
        case "WIN9X" -> {
          return system("Windows ME", "32-bit", "windows-me");
        }
        case "FDOS", "FREEDOS" -> {
          return system("FreeDOS", "16-bit", "freedos");
        }
        case "REACTOS" -> {
          return system("ReactOS", "32-bit", "reactos");
        }
        case "HAIKU-ESP" -> {
          return system("Haiku", null, "haiku");
        }
        default -> {
          // Another name says nothing.
        }
      }
    }
    if (files.exists("/casper") || files.exists("/isolinux") || files.exists("/boot/grub")) {
      return system("Linux", null, "linux");
    }
    return null;
  }

  private static OperatingSystem windowsSetup(FileSystem files, String folder) throws IOException {
    String setup = DosFinder.text(files, folder + "/TXTSETUP.SIF", 1 << 20);
    Matcher major = Pattern.compile("(?im)^MajorVersion *= *([0-9]+)").matcher(setup);
    Matcher minor = Pattern.compile("(?im)^MinorVersion *= *([0-9]+)").matcher(setup);
    String version =
        (major.find() ? major.group(1) : "") + "." + (minor.find() ? minor.group(1) : "");
    boolean wide = folder.equals("/AMD64");
    return switch (version) {
      case "5.0" -> system("Windows 2000", "32-bit", "windows-2000");
      case "5.1" -> system("Windows XP", "32-bit", "windows-xp");
      case "5.2" ->
          wide
              ? system("Windows XP x64 or Server 2003", "64-bit", "windows-xp-x64")
              : system("Windows Server 2003", "32-bit", "windows-2003");
      default -> system("Windows NT", "32-bit", "windows-nt");
    };
  }

  private static OperatingSystem system(String name, @Nullable String architecture, String preset) {
    return new OperatingSystem(name, null, architecture, preset, 0, Map.of());
  }
}
