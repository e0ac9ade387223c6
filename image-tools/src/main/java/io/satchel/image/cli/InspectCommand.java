package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.inspect.Inspector;
import io.satchel.image.inspect.Inspector.Findings;
import io.satchel.image.inspect.Inspector.FoundVolume;
import io.satchel.image.inspect.OperatingSystem;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code inspect}: what is in an image. */
@Command(
    name = "inspect",
    description = {
      "Tells what is in an image.",
      "Partitions, file systems and their use, the operating system with version and architecture,",
      "how it starts, and the machine that fits."
    })
final class InspectCommand extends ImageCommand {
  @Option(
      names = "--output",
      paramLabel = "human|json",
      description = "For a person (the default) or for a program.",
      defaultValue = "human")
  OutputFormat output = OutputFormat.human;

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  InspectCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    try (OpenedImage opened = open(image, format, false)) {
      Findings found = Inspector.inspect(opened);
      terminal.out.println(
          output == OutputFormat.human ? found.sentence() : Json.pretty(json(found)));
    }
    return 0;
  }

  private static Map<String, Object> json(Findings found) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("sentence", found.sentence());
    map.put("format", found.format());
    map.put("virtual-size", found.size());
    map.put("partition-table", found.scheme().name().toLowerCase(Locale.ROOT));
    map.put("optical", found.optical());
    map.put("firmware", found.firmware().name().toLowerCase(Locale.ROOT));
    List<Object> all = new ArrayList<>();
    for (FoundVolume each : found.fileSystems()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("partition", each.partition());
      one.put("kind", each.kind());
      one.put("label", each.label());
      one.put("size", each.size());
      if (each.used() >= 0) {
        one.put("used", each.used());
      }
      if (each.problem() != null) {
        one.put("problem", each.problem());
      }
      all.add(one);
    }
    map.put("file-systems", all);
    List<Object> systems = new ArrayList<>();
    found.systems().forEach(system -> systems.add(json(system)));
    map.put("operating-systems", systems);
    if (found.preset() != null) {
      map.put("preset", found.preset());
    }
    return map;
  }

  private static Map<String, Object> json(OperatingSystem system) {
    Map<String, Object> one = new LinkedHashMap<>();
    one.put("name", system.name());
    if (system.version() != null) {
      one.put("version", system.version());
    }
    if (system.architecture() != null) {
      one.put("architecture", system.architecture());
    }
    one.put("preset", system.preset());
    one.put("partition", system.partition());
    system.facts().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(e -> one.put(e.getKey(), e.getValue()));
    return one;
  }
}
