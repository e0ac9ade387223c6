package io.satchel.image.inspect;

import io.satchel.image.block.ImageException;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Content;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Windows NT and its descendants, and ReactOS, by their registry. */
final class WindowsFinder {
  private static final List<String> FOLDERS = List.of("/Windows", "/WINNT", "/WINNT35", "/ReactOS");
  private static final int FIRST_WINDOWS_11_BUILD = 22_000;
  private static final int MAX_HAL = 2 << 20;

  /** Drivers of disk controllers that Windows brings or that are common, by what they drive. */
  private static final Map<String, String> BUSES =
      Map.ofEntries(
          Map.entry("atapi", "ide"),
          Map.entry("intelide", "ide"),
          Map.entry("pciide", "ide"),
          Map.entry("msahci", "ahci"),
          Map.entry("storahci", "ahci"),
          Map.entry("iastor", "ahci"),
          Map.entry("iastorv", "ahci"),
          Map.entry("stornvme", "nvme"),
          Map.entry("viostor", "virtio"),
          Map.entry("vioscsi", "virtio"),
          Map.entry("buslogic", "scsi"),
          Map.entry("symc810", "scsi"),
          Map.entry("sym_hi", "scsi"),
          Map.entry("vmscsi", "scsi"),
          Map.entry("lsi_scsi", "scsi"),
          Map.entry("lsi_sas", "scsi"),
          Map.entry("aic78xx", "scsi"));

  private final FileSystem files;
  private final int partition;
  private final Map<String, List<String>> facts = new LinkedHashMap<>();

  private WindowsFinder(FileSystem files, int partition) {
    this.files = files;
    this.partition = partition;
  }

  static @Nullable OperatingSystem find(FileSystem files, int partition) throws IOException {
    for (String folder : FOLDERS) {
      if (files.exists(folder + "/system32/config/software")) {
        return new WindowsFinder(files, partition).in(folder);
      }
    }
    return null;
  }

  private OperatingSystem in(String folder) throws IOException {
    String config = folder + "/system32/config/";
    Hive software = Hive.open(files.open(config + "software"), config + "software");
    Optional<Hive.Key> current = software.find("Microsoft\\Windows NT\\CurrentVersion");
    if (current.isEmpty()) {
      throw new ImageException(
          ImageException.Kind.CORRUPT,
          config + "software",
          "does not say which Windows it belongs to",
          "start the guest and let it repair itself");
    }
    Hive.Key version = current.get();
    Optional<Hive.Key> control = Optional.empty();
    if (files.exists(config + "system")) {
      Hive system = Hive.open(files.open(config + "system"), config + "system");
      int set = 1;
      Optional<Hive.Key> select = system.find("Select");
      if (select.isPresent()) {
        set = Math.clamp(select.get().number("Current"), 1, 999);
      }
      control = system.find(String.format(Locale.ROOT, "ControlSet%03d", set));
    }
    if (control.isPresent()) {
      drivers(control.get());
    }
    hal(control, folder);
    String architecture = architecture(control, folder);
    String build = version.text("CurrentBuildNumber");
    build = build.isEmpty() ? version.text("CurrentBuild") : build;
    String number = version.text("CurrentVersion");
    int major = version.number("CurrentMajorVersionNumber");
    if (major >= 10) {
      number = major + "." + Math.max(0, version.number("CurrentMinorVersionNumber"));
    }
    String name = name(version, number, build, control, folder);
    return new OperatingSystem(
        name,
        build.isEmpty() ? number : number + "." + build,
        architecture,
        preset(name, number, architecture),
        partition,
        facts);
  }

  private static String name(
      Hive.Key version, String number, String build, Optional<Hive.Key> control, String folder)
      throws IOException {
    String product =
        version.text("ProductName").replaceFirst("^Microsoft ", "").replaceAll(" ?\\(TM\\)|®", "");
    if (folder.equals("/ReactOS") || product.startsWith("ReactOS")) {
      return "ReactOS";
    }
    Optional<Hive.Key> options = path(control, "Control", "ProductOptions");
    String type = options.isPresent() ? options.get().text("ProductType") : "";
    boolean server = !type.isEmpty() && !type.equalsIgnoreCase("WinNT");
    boolean home =
        options.isPresent()
            && options.get().texts("ProductSuite").stream().anyMatch("Personal"::equalsIgnoreCase);
    if (product.isEmpty() || product.equals("Windows NT")) {
      product = "Windows NT " + number + (server ? " Server" : " Workstation");
    } else if (product.equals("Windows XP")) {
      product += home ? " Home" : " Professional";
    } else if (product.equals("Windows 2000")) {
      product += server ? " Server" : " Professional";
    } else if (product.startsWith("Windows 10")
        && build.matches("[0-9]{1,6}")
        && Integer.parseInt(build) >= FIRST_WINDOWS_11_BUILD) {
      // Windows 11 still calls itself 10 here.
      product = "Windows 11" + product.substring("Windows 10".length());
    }
    String pack = version.text("CSDVersion").replaceFirst("^Service Pack ", "SP");
    return pack.isEmpty() ? product : product + " " + pack;
  }

  private static Optional<Hive.Key> path(Optional<Hive.Key> from, String... parts)
      throws IOException {
    Optional<Hive.Key> at = from;
    for (String part : parts) {
      at = at.isPresent() ? at.get().child(part) : at;
    }
    return at;
  }

  private @Nullable String architecture(Optional<Hive.Key> control, String folder)
      throws IOException {
    Optional<Hive.Key> environment = path(control, "Control", "Session Manager", "Environment");
    String word = environment.isPresent() ? environment.get().text("PROCESSOR_ARCHITECTURE") : "";
    return switch (word.toUpperCase(Locale.ROOT)) {
      case "X86" -> "32-bit";
      case "AMD64" -> "64-bit";
      case "" -> files.exists(folder + "/SysWOW64") ? "64-bit" : "32-bit";
      default -> word;
    };
  }

  /** The drivers that are loaded before the disk can be read, as far as they are for disks. */
  private void drivers(Hive.Key control) throws IOException {
    Optional<Hive.Key> services = control.child("Services");
    if (services.isEmpty()) {
      return;
    }
    List<String> drivers = new ArrayList<>();
    List<String> buses = new ArrayList<>();
    for (Hive.Key each : services.get().children()) {
      if (each.number("Start") != 0) {
        continue;
      }
      String bus = BUSES.get(each.name().toLowerCase(Locale.ROOT));
      if (bus != null || each.text("Group").equalsIgnoreCase("SCSI miniport")) {
        drivers.add(each.name());
        if (bus != null && !buses.contains(bus)) {
          buses.add(bus);
        }
      }
    }
    facts.put("boot-drivers", drivers);
    facts.put("disk-buses", buses);
  }

  /** What kind of machine Windows was installed for: "acpiapic_up", "e_isa_up", or hal's file. */
  private void hal(Optional<Hive.Key> control, String folder) throws IOException {
    Optional<Hive.Key> root = path(control, "Enum", "Root");
    for (String kind : List.of("ACPI_HAL", "PCI_HAL", "MPS_HAL")) {
      Optional<Hive.Key> device = path(root, kind, "0000");
      if (device.isPresent() && !device.get().texts("HardwareID").isEmpty()) {
        facts.put("hal", List.of(device.get().texts("HardwareID").getFirst()));
        return;
      }
    }
    String file = folder + "/system32/hal.dll";
    if (files.exists(file)) {
      Content content = files.open(file);
      String text =
          new String(
              content.read(0, (int) Math.min(MAX_HAL, content.size())), StandardCharsets.UTF_16LE);
      Matcher m = Pattern.compile("OriginalFilename\0+([A-Za-z0-9]+)\\.dll").matcher(text);
      if (m.find()) {
        facts.put("hal", List.of(m.group(1)));
      }
    }
  }

  private static String preset(String name, String number, @Nullable String architecture) {
    if (name.equals("ReactOS")) {
      return "reactos";
    }
    boolean wide = "64-bit".equals(architecture);
    return switch (number) {
      case "3.1", "3.10", "3.5", "3.50", "3.51", "4.0" -> "windows-nt";
      case "5.0" -> "windows-2000";
      case "5.1" -> "windows-xp";
      case "5.2" -> wide ? "windows-xp-x64" : "windows-2003";
      case "6.0", "6.1" -> wide ? "windows-7-x64" : "windows-7";
      case "6.2", "6.3" -> "windows-10";
      default -> name.startsWith("Windows 11") ? "windows-11" : "windows-10";
    };
  }
}
