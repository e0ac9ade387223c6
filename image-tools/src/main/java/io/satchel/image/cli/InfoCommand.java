package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.SnapshotInfo;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code info}: what an image is. The backing files are only opened when asked for. */
@Command(name = "info", description = "Tells what an image is.")
final class InfoCommand extends ImageCommand {
  @Option(
      names = "--output",
      paramLabel = "human|json",
      description = "For a person (the default) or for a program.",
      defaultValue = "human")
  OutputFormat output = OutputFormat.human;

  @Option(names = "--backing-chain", description = "Tell of the backing files too.")
  boolean backingChain;

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  InfoCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    List<Map<String, Object>> all = new ArrayList<>();
    Named named = named(image, format);
    Path path = named.path();
    String shown = path.toString();
    String layerFormat = named.format();
    Set<Path> seen = new HashSet<>();
    while (true) {
      if (Files.exists(path) && !seen.add(path.toRealPath())) {
        throw new ImageException(
            ImageException.Kind.CORRUPT,
            path,
            "is its own backing file, directly or through others",
            "name another backing file with rebase -u");
      }
      OpenOptions options =
          OpenOptions.readOnly()
              .withFormat(layerFormat)
              .withLocking(!share)
              .withBacking(BackingPolicy.NONE)
              .withKeys(OpenOptions.Keys.unneeded());
      try (OpenedImage opened = Images.open(path, options)) {
        all.add(describe(shown, path, opened));
        LayeredDevice.BackingReference below = device(opened).backing();
        if (below == null || !backingChain) {
          break;
        }
        Path next = Images.resolve(path, below.name(), "backing file");
        shown = below.name().startsWith("/") ? below.name() : sibling(shown, below.name());
        path = next;
        layerFormat = below.format();
      }
    }
    if (output == OutputFormat.json) {
      terminal.out.println(Json.pretty(backingChain ? all : all.getFirst()));
    } else {
      for (int i = 0; i < all.size(); i++) {
        if (i > 0) {
          terminal.out.println();
        }
        print(all.get(i));
      }
    }
    return 0;
  }

  private static LayeredDevice device(OpenedImage opened) {
    return (LayeredDevice) opened.device();
  }

  private static String sibling(String image, String name) {
    Path parent = Path.of(image).getParent();
    return parent == null ? name : parent.resolve(name).toString();
  }

  private static Map<String, Object> describe(String shown, Path path, OpenedImage opened)
      throws IOException {
    LayeredDevice device = device(opened);
    Map<String, Object> map = new LinkedHashMap<>();
    if (device instanceof Qcow2Device qcow2 && !qcow2.snapshots().list().isEmpty()) {
      List<Object> snapshots = new ArrayList<>();
      for (SnapshotInfo s : qcow2.snapshots().list()) {
        snapshots.add(snapshot(s));
      }
      map.put("snapshots", snapshots);
    }
    map.put("virtual-size", device.size());
    map.put("filename", shown);
    // Of this format qemu-img tells neither its blocks nor whether it was closed.
    boolean told = !opened.format().equals("parallels");
    if (device.clusterSize() > 0 && told) {
      map.put("cluster-size", device.clusterSize());
    }
    map.put("format", opened.format());
    try (HostFile file = HostFile.open(path, false, HostFile.Locking.NO)) {
      map.put("actual-size", file.allocated() + device.allocatedBeside());
    }
    Map<String, Object> specifics = device.specifics();
    if (!specifics.isEmpty()) {
      map.put("format-specific", Map.of("type", opened.format(), "data", specifics));
    }
    if (device.encrypted()) {
      map.put("encrypted", true);
    }
    LayeredDevice.BackingReference backing = device.backing();
    if (backing != null) {
      if (backing.format() != null) {
        map.put("backing-filename-format", backing.format());
      }
      boolean plain = backing.name().startsWith("/") || backing.name().startsWith("json:");
      map.put("full-backing-filename", plain ? backing.name() : sibling(shown, backing.name()));
      map.put("backing-filename", backing.name());
    }
    if (told) {
      map.put("dirty-flag", device.dirty());
    }
    return map;
  }

  static Map<String, Object> snapshot(SnapshotInfo s) {
    Map<String, Object> map = new LinkedHashMap<>();
    if (s.instructions() >= 0) {
      map.put("icount", s.instructions());
    }
    map.put("vm-clock-nsec", s.clockNanos() % 1_000_000_000);
    map.put("name", s.name());
    map.put("date-sec", s.seconds());
    map.put("date-nsec", s.nanos());
    map.put("vm-clock-sec", s.clockNanos() / 1_000_000_000);
    map.put("id", s.id());
    map.put("vm-state-size", s.vmStateSize());
    return map;
  }

  private void print(Map<String, Object> map) throws IOException {
    var out = terminal.out;
    out.println("image: " + map.get("filename"));
    out.println("file format: " + map.get("format"));
    long size = (Long) map.get("virtual-size");
    out.println("virtual size: " + Sizes.human(size) + " (" + size + " bytes)");
    out.println("disk size: " + Sizes.human((Long) map.get("actual-size")));
    if (map.containsKey("encrypted")) {
      out.println("encrypted: yes");
    }
    if (Boolean.TRUE.equals(map.get("dirty-flag"))) {
      out.println("cleanly shut down: no");
    }
    if (map.containsKey("cluster-size")) {
      out.println("cluster_size: " + map.get("cluster-size"));
    }
    if (map.containsKey("backing-filename")) {
      out.print("backing file: " + map.get("backing-filename"));
      if (!map.get("backing-filename").equals(map.get("full-backing-filename"))) {
        out.print(" (actual path: " + map.get("full-backing-filename") + ")");
      }
      out.println();
      if (map.containsKey("backing-filename-format")) {
        out.println("backing file format: " + map.get("backing-filename-format"));
      }
    }
    if (map.get("snapshots") instanceof List<?> snapshots) {
      SnapshotCommand.print(out, snapshots);
    }
    if (map.get("format-specific") instanceof Map<?, ?> specific) {
      out.println("Format specific information:");
      tree(terminal.out, specific.get("data"), 1);
    }
  }

  /** Prints nested values, a level an indent. */
  static void tree(PrintStream out, @Nullable Object value, int depth) {
    if (value instanceof Map<?, ?> map) {
      map.forEach((key, v) -> branch(out, key.toString().replace('-', ' '), v, depth));
    } else if (value instanceof List<?> list) {
      for (int i = 0; i < list.size(); i++) {
        branch(out, "[" + i + "]", list.get(i), depth);
      }
    }
  }

  private static void branch(PrintStream out, String name, Object value, int depth) {
    boolean leaf = !(value instanceof Map) && !(value instanceof List);
    out.println("    ".repeat(depth) + name + ":" + (leaf ? " " + value : ""));
    if (!leaf) {
      tree(out, value, depth + 1);
    }
  }
}
