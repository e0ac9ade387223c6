package io.satchel.image.inspect;

import io.satchel.image.block.ImageException;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Content;
import io.satchel.image.fs.FileSystem.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Linux distributions, by os-release and what came before it. */
final class LinuxFinder {
  private static final int MAX_TEXT = 64 << 10;
  private static final int ELF_MACHINE = 18;

  /** Files of before os-release (2012), and how what they say becomes a name. */
  private static final List<Map.Entry<String, String>> OLD =
      List.of(
          Map.entry("/etc/slackware-version", ""),
          Map.entry("/etc/redhat-release", ""),
          Map.entry("/etc/SuSE-release", ""),
          Map.entry("/etc/mandrake-release", ""),
          Map.entry("/etc/gentoo-release", ""),
          Map.entry("/etc/debian_version", "Debian GNU/Linux "));

  private LinuxFinder() {}

  static @Nullable OperatingSystem find(FileSystem files, int partition) throws IOException {
    String name = null;
    String version = null;
    for (String file : List.of("/etc/os-release", "/usr/lib/os-release")) {
      if (name == null && files.exists(file)) {
        try {
          String text = text(files, file);
          name = field(text, "PRETTY_NAME");
          name = name == null ? field(text, "NAME") : name;
          version = field(text, "VERSION_ID");
        } catch (ImageException e) {
          // A link into another file system, such as /usr on its own partition.
          continue;
        }
      }
    }
    for (var each : OLD) {
      if (name == null && files.exists(each.getKey())) {
        name = each.getValue() + text(files, each.getKey()).lines().findFirst().orElse("").strip();
      }
    }
    boolean tree = files.exists("/etc/fstab") && files.exists("/sbin");
    if (name == null && !tree) {
      return null;
    }
    Map<String, List<String>> facts = new LinkedHashMap<>();
    List<String> kernels = kernels(files);
    facts.put("kernels", kernels);
    facts.put("fstab", fstab(files));
    return new OperatingSystem(
        name == null ? "Linux" : name,
        version,
        architecture(files),
        preset(kernels),
        partition,
        facts);
  }

  private static String text(FileSystem files, String path) throws IOException {
    Content content = files.open(path);
    return new String(
        content.read(0, (int) Math.min(MAX_TEXT, content.size())), StandardCharsets.UTF_8);
  }

  private static @Nullable String field(String text, String name) {
    Matcher m = Pattern.compile("(?m)^" + name + "=[\"']?([^\"'\\n]*)[\"']?\\s*$").matcher(text);
    return m.find() && !m.group(1).isBlank() ? m.group(1).strip() : null;
  }

  private static List<String> kernels(FileSystem files) throws IOException {
    List<String> all = new ArrayList<>();
    for (String folder : List.of("/lib/modules", "/usr/lib/modules")) {
      if (all.isEmpty() && files.exists(folder)) {
        for (Entry each : files.list(folder)) {
          if (each.name().matches("[0-9]+\\..*")) {
            all.add(each.name());
          }
        }
      }
    }
    if (all.isEmpty() && files.exists("/boot")) {
      for (Entry each : files.list("/boot")) {
        Matcher m = Pattern.compile("vmlinu[xz]-([0-9]+\\..*)").matcher(each.name());
        if (m.matches()) {
          all.add(m.group(1));
        }
      }
    }
    all.sort(null);
    return all;
  }

  private static List<String> fstab(FileSystem files) throws IOException {
    if (!files.exists("/etc/fstab")) {
      return List.of();
    }
    return text(files, "/etc/fstab")
        .lines()
        .map(String::strip)
        .filter(l -> !l.isEmpty() && !l.startsWith("#"))
        .map(l -> l.replaceAll("\\s+", " "))
        .toList();
  }

  /** By the header of the shell (ELF, e_ident and e_machine). */
  private static @Nullable String architecture(FileSystem files) throws IOException {
    for (String file :
        List.of("/bin/sh", "/usr/bin/sh", "/bin/busybox", "/sbin/init", "/bin/bash")) {
      byte[] head;
      try {
        head = files.exists(file) ? files.open(file).read(0, 20) : new byte[0];
      } catch (ImageException e) {
        continue;
      }
      if (head.length == 20 && head[0] == 0x7f && head[1] == 'E') {
        int machine = head[ELF_MACHINE] & 0xff | (head[ELF_MACHINE + 1] & 0xff) << 8;
        return switch (machine) {
          case 3, 6 -> "32-bit";
          case 62 -> head[4] == 2 ? "64-bit" : "32-bit";
          case 40 -> "ARM";
          case 183 -> "ARM64";
          case 20, 21 -> "PowerPC";
          case 243 -> "RISC-V";
          default -> "processor " + machine;
        };
      }
    }
    return null;
  }

  private static String preset(List<String> kernels) {
    if (kernels.isEmpty()) {
      return "linux";
    }
    String newest = kernels.getLast();
    if (newest.matches("[01]\\..*|2\\.[0-5]\\..*")) {
      return "linux-2.4";
    }
    return newest.matches("(2\\.6|[345])\\..*") ? "linux-2.6" : "linux";
  }
}
