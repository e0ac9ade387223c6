package io.satchel.image.inspect;

import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Content;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** DOS of every maker, and the Windows that stands on it: 3.x, 95, 98, ME. */
final class DosFinder {
  private static final int MAX_TEXT = 64 << 10;
  private static final int MAX_REGISTRY = 32 << 20;

  /** The value's name and its text lie side by side in SYSTEM.DAT. */
  private static final Pattern WINDOWS_9X =
      Pattern.compile("(?<!Sub)VersionNumber(4\\.[0-9]{1,2}\\.[0-9]{3,4})");

  private static final Pattern DOS_VERSION =
      Pattern.compile("(?:MS-DOS(?:\\(R\\))?|DOS) +Version +([0-9]\\.[0-9]{1,2})");

  private DosFinder() {}

  static @Nullable OperatingSystem find(FileSystem files, int partition) throws IOException {
    OperatingSystem windows = windows9x(files, partition);
    if (windows != null) {
      return windows;
    }
    OperatingSystem dos = dos(files, partition);
    if (dos == null) {
      return null;
    }
    for (String folder : List.of("/WINDOWS", "/WIN", "/WIN31")) {
      if (files.exists(folder + "/WIN.COM") && files.exists(folder + "/SYSTEM.INI")) {
        return new OperatingSystem(
            "Windows 3.x on " + dos.name(), null, "16-bit", "windows-3.1", partition, Map.of());
      }
    }
    return dos;
  }

  private static @Nullable OperatingSystem windows9x(FileSystem files, int partition)
      throws IOException {
    if (!files.exists("/MSDOS.SYS")) {
      return null;
    }
    String paths = text(files, "/MSDOS.SYS", MAX_TEXT);
    Matcher m = Pattern.compile("(?im)^WinDir=[A-Z]:(\\\\[^\\r\\n]+)").matcher(paths);
    String folder = m.find() ? m.group(1).strip().replace('\\', '/') : "/WINDOWS";
    String registry = folder + "/SYSTEM.DAT";
    if (!files.exists(registry)) {
      return null;
    }
    Matcher version = WINDOWS_9X.matcher(text(files, registry, MAX_REGISTRY));
    String number = version.find() ? version.group(1) : "";
    String name;
    String preset;
    if (number.startsWith("4.90")) {
      name = "Windows ME";
      preset = "windows-me";
    } else if (number.startsWith("4.1")) {
      name = number.compareTo("4.10.2222") >= 0 ? "Windows 98 Second Edition" : "Windows 98";
      preset = "windows-98";
    } else {
      name = number.isEmpty() || number.equals("4.00.950") ? "Windows 95" : "Windows 95 OSR2";
      preset = "windows-95";
    }
    String found = number.isEmpty() ? null : number;
    return new OperatingSystem(name, found, "32-bit", preset, partition, Map.of());
  }

  private static @Nullable OperatingSystem dos(FileSystem files, int partition) throws IOException {
    if (files.exists("/KERNEL.SYS")) {
      return new OperatingSystem("FreeDOS", null, "16-bit", "freedos", partition, Map.of());
    }
    String name = null;
    if (files.exists("/IO.SYS") && files.exists("/MSDOS.SYS")) {
      name = "MS-DOS";
    } else if (files.exists("/IBMBIO.COM") && files.exists("/IBMDOS.COM")) {
      name =
          text(files, "/IBMBIO.COM", MAX_TEXT).matches("(?s).*(DR-DOS|Novell|Digital Research).*")
              ? "DR-DOS"
              : "PC DOS";
    } else if (files.exists("/DRBIOS.SYS") || files.exists("/DRBDOS.SYS")) {
      name = "DR-DOS";
    }
    if (name == null) {
      return null;
    }
    String version = null;
    for (String file : List.of("/COMMAND.COM", "/MSDOS.SYS", "/IO.SYS", "/IBMDOS.COM")) {
      if (version == null && files.exists(file)) {
        Matcher m = DOS_VERSION.matcher(text(files, file, MAX_TEXT));
        version = m.find() ? m.group(1) : null;
      }
    }
    return new OperatingSystem(
        version == null ? name : name + " " + version,
        version,
        "16-bit",
        "ms-dos",
        partition,
        Map.of());
  }

  static String text(FileSystem files, String path, int most) throws IOException {
    Content content = files.open(path);
    return new String(
        content.read(0, (int) Math.min(most, content.size())), StandardCharsets.ISO_8859_1);
  }
}
