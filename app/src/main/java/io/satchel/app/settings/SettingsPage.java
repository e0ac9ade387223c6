package io.satchel.app.settings;

import io.satchel.app.common.Choices;
import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.FileRow;
import io.satchel.app.common.Page;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.library.MachineRun;
import io.satchel.app.open.ImageKinds;
import io.satchel.app.preset.Preset;
import io.satchel.app.preset.Presets;
import io.satchel.app.wizard.CreateWizard;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineConfig.Speed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Label;
import javafx.scene.control.Spinner;
import javafx.scene.control.TextArea;
import javafx.scene.control.TextField;
import javafx.scene.layout.FlowPane;
import javafx.scene.layout.VBox;
import org.jspecify.annotations.Nullable;

/** What a machine is made of, in plain words, and the same as a QEMU command. */
public final class SettingsPage extends Page {

  private static final int MEMORY_STEP = 16;
  private static final List<Integer> UNITS = List.of(0, 1, 3);

  private static final List<List<BootDevice>> ORDERS =
      List.of(
          List.of(BootDevice.HARD_DISK, BootDevice.CD, BootDevice.FLOPPY),
          List.of(BootDevice.HARD_DISK, BootDevice.FLOPPY, BootDevice.CD),
          List.of(BootDevice.CD, BootDevice.HARD_DISK, BootDevice.FLOPPY),
          List.of(BootDevice.CD, BootDevice.FLOPPY, BootDevice.HARD_DISK),
          List.of(BootDevice.FLOPPY, BootDevice.CD, BootDevice.HARD_DISK),
          List.of(BootDevice.FLOPPY, BootDevice.HARD_DISK, BootDevice.CD));

  private final Desktop desktop;
  private final Entry entry;
  private final Runnable back;
  private final TextField name = new TextField();
  private final Spinner<Integer> memory;
  private final ComboBox<String> processor;
  private final Spinner<Integer> processors;
  private final List<DiskRow> disks = new ArrayList<>();
  private final VBox diskList = new VBox(10);
  private final FileRow cd;
  private final FileRow floppyA;
  private final FileRow floppyB;
  private final ComboBox<List<BootDevice>> order;
  private final ComboBox<String> once;
  private final CheckBox menu;
  private final ComboBox<Speed> speed;
  private final CheckBox rewind;
  private final TextField date = new TextField();
  private final TextArea notes = new TextArea();
  private final Label warning = Controls.paragraph("");
  private final Label problem = Controls.paragraph("");
  private @Nullable Button save;

  public SettingsPage(Desktop desktop, Entry entry, Runnable back) {
    super(desktop.texts(), desktop.texts().get("settings.title", entry.name()), back);
    this.desktop = desktop;
    this.entry = entry;
    this.back = back;
    setId("settings-page");
    MachineFile machine = entry.machine();
    name.setId("name");
    name.setText(machine.name());
    memory = new Spinner<>(1, MachineFile.MAX_MEMORY_MIB, machine.memoryMib(), MEMORY_STEP);
    memory.setId("memory");
    memory.setEditable(true);
    processor =
        Choices.of("processor", CreateWizard.PROCESSORS, each -> texts.get("processor." + each));
    processor.setValue(machine.processor());
    processors = new Spinner<>(1, MachineConfig.MOST_PROCESSORS, machine.processors());
    processors.setId("processors");
    machine.disks().forEach(disk -> disks.add(new DiskRow(disk)));
    cd = medium("cd", "settings.cd", machine.cd());
    floppyA = medium("floppy-a", "settings.floppyA", machine.floppyA());
    floppyB = medium("floppy-b", "settings.floppyB", machine.floppyB());
    order = Choices.of("order", ORDERS, this::words);
    order.setValue(ORDERS.contains(machine.bootOrder()) ? machine.bootOrder() : ORDERS.getFirst());
    List<String> times = new ArrayList<>(List.of("none"));
    Arrays.stream(BootDevice.values()).map(SettingsPage::key).forEach(times::add);
    once = Choices.of("once", times, each -> texts.get("settings.once." + each));
    once.setValue(machine.bootOnce() == null ? "none" : key(machine.bootOnce()));
    menu = controls.check("menu", "settings.menu", machine.bootMenu());
    speed = Choices.of("speed", List.of(Speed.values()), each -> texts.get("speed." + each.name()));
    speed.setValue(machine.speed());
    rewind = controls.check("rewind", "settings.rewind", machine.rewind());
    date.setId("date");
    date.setText(machine.date() == null ? "" : machine.date().toString());
    date.setPromptText("1999-12-31T23:59");
    notes.setId("notes");
    notes.setText(machine.notes());
    notes.setPrefRowCount(3);
    notes.setWrapText(true);
    warning.getStyleClass().add("warning");
    warning.managedProperty().bind(warning.textProperty().isNotEmpty());
    warning.visibleProperty().bind(warning.managedProperty());
    problem.getStyleClass().add("bad");
    problem.setId("problem");
    problem.managedProperty().bind(problem.textProperty().isNotEmpty());
    Button keep = controls.button("save", "settings.save", this::save);
    save = keep;
    Button command = controls.button("command", "settings.command", this::showCommand);
    Button addDisk = controls.button("add-disk", "settings.addDisk", this::addDisk);
    Preset preset = desktop.presets().orUnknown(machine.preset());
    add(
        section("settings.section.machine"),
        controls.field("create.name", name),
        controls.field("create.memory", memory),
        controls.help(
            "create.memory.advice",
            Sizes.of(preset.memoryMib() * 1048576L),
            Sizes.of(preset.memoryMaxMib() * 1048576L)),
        controls.field("create.processor", processor),
        controls.field("settings.processors", processors),
        warning,
        section("settings.section.disks"),
        controls.help("settings.disks.help"),
        diskList,
        addDisk,
        section("settings.section.media"),
        cd,
        floppyA,
        floppyB,
        controls.help("settings.media.help"),
        section("settings.section.start"),
        controls.field("settings.order", order),
        controls.field("settings.once", once),
        menu,
        controls.field("settings.date", date),
        section("settings.section.running"),
        controls.field("settings.speed", speed),
        controls.help("settings.speed.about"),
        rewind,
        controls.help("settings.rewind.about"),
        section("settings.section.notes"),
        controls.field("settings.notes", notes),
        problem);
    actions(command, keep);
    showDisks();
    processor.valueProperty().addListener((_, _, _) -> warn(preset));
    processors.valueProperty().addListener((_, _, _) -> warn(preset));
    name.textProperty().addListener((_, _, _) -> check());
    date.textProperty().addListener((_, _, _) -> check());
    check();
  }

  @Override
  public void focusFirst() {
    javafx.application.Platform.runLater(name::requestFocus);
  }

  private Label section(String key) {
    Label label = controls.text(key);
    label.getStyleClass().add("section-title");
    return label;
  }

  private FileRow medium(String id, String key, @Nullable String file) {
    FileRow row = new FileRow(texts, id, key, () -> desktop.pickImage(texts.get(key)), this::check);
    if (file != null) {
      row.set(entry.resolve(file));
    }
    return row;
  }

  private static String key(BootDevice device) {
    return device.name().toLowerCase(Locale.ROOT);
  }

  private String words(List<BootDevice> devices) {
    return texts.get(
        "settings.order.of",
        texts.get("settings.device." + key(devices.get(0))),
        texts.get("settings.device." + key(devices.get(1))),
        texts.get("settings.device." + key(devices.get(2))));
  }

  /** Windows binds itself to its hardware, so a change is said before it is made. */
  private void warn(Preset preset) {
    MachineFile before = entry.machine();
    boolean changed =
        !before.processor().equals(processor.getValue())
            || before.processors() != processors.getValue();
    boolean bound = preset.id().startsWith("windows") && preset.wants().acpi();
    warning.setText(
        changed && bound
            ? texts.get("settings.warn.windows")
            : changed && !preset.id().equals(Presets.UNKNOWN) ? texts.get("settings.warn") : "");
  }

  // --- Disks ---

  /** A disk's choices. */
  private final class DiskRow {
    private final Disk disk;
    private final ComboBox<Integer> unit;
    private final CheckBox readOnly;
    private final CheckBox throwAway;
    private final ComboBox<CacheMode> cache;
    private final TextField serial = new TextField();
    private final VBox box;

    DiskRow(Disk disk) {
      this.disk = disk;
      unit = Choices.of("unit", UNITS, each -> texts.get("settings.unit." + each));
      unit.setValue(disk.unit());
      unit.valueProperty().addListener((_, _, _) -> check());
      readOnly = controls.check("read-only", "settings.readOnly", disk.readOnly());
      throwAway = controls.check("throw-away", "settings.throwAway", disk.throwAway());
      cache =
          Choices.of(
              "cache",
              List.of(CacheMode.values()),
              each -> texts.get("settings.cache." + each.name().toLowerCase(Locale.ROOT)));
      cache.setValue(disk.cache());
      serial.setId("serial");
      serial.setText(disk.serial() == null ? "" : disk.serial());
      serial.textProperty().addListener((_, _, _) -> check());
      Path path = entry.resolve(disk.file());
      Label file =
          Controls.paragraph(
              disk.layers().isEmpty() ? path.toString() : texts.get("settings.disk.layered", path));
      Button remove =
          controls.button(
              "take-out",
              "settings.takeOut",
              () -> {
                disks.remove(this);
                showDisks();
                check();
              });
      remove.setAccessibleText(texts.get("settings.takeOut") + " " + path.getFileName());
      FlowPane places =
          new FlowPane(
              16,
              8,
              controls.field("settings.unit", unit),
              controls.field("settings.cache", cache),
              controls.field("settings.serial", serial));
      box = new VBox(8, file, places, readOnly, throwAway, remove);
      box.getStyleClass().add("figures");
    }

    Disk chosen() {
      return new Disk(
          disk.file(),
          disk.layers(),
          unit.getValue(),
          readOnly.isSelected(),
          throwAway.isSelected(),
          cache.getValue(),
          serial.getText().isBlank() ? null : serial.getText().strip());
    }
  }

  private void showDisks() {
    List<Node> boxes = new ArrayList<>();
    disks.forEach(row -> boxes.add(row.box));
    if (boxes.isEmpty()) {
      boxes.add(controls.text("settings.disks.none"));
    }
    diskList.getChildren().setAll(boxes);
  }

  private void addDisk() {
    int free = entry.machine().withDisks(disks.stream().map(DiskRow::chosen).toList()).freeUnit();
    if (free < 0) {
      problem.setText(texts.get("settings.disks.full"));
      return;
    }
    Path file = desktop.pickImage(texts.get("settings.addDisk"));
    if (file == null) {
      return;
    }
    try {
      if (ImageKinds.of(file) == DriveKind.CD) {
        problem.setText(texts.get("settings.disk.isCd", file.getFileName()));
        return;
      }
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
      return;
    }
    disks.add(new DiskRow(Disk.of(desktop.library().nameFor(entry.folder(), file), free)));
    showDisks();
    check();
  }

  // --- Saving ---

  private @Nullable String file(FileRow row) {
    Path path = row.file();
    return path == null ? null : desktop.library().nameFor(entry.folder(), path);
  }

  private MachineFile chosen() {
    String when = date.getText().strip();
    String first = once.getValue();
    return entry
        .machine()
        .withName(name.getText().strip())
        .withHardware(memory.getValue(), processor.getValue())
        .withProcessors(processors.getValue())
        .withDisks(disks.stream().map(DiskRow::chosen).toList())
        .withMedia(file(cd), file(floppyA), file(floppyB))
        .withBoot(
            order.getValue(),
            first.equals("none") ? null : BootDevice.valueOf(first.toUpperCase(Locale.ROOT)),
            menu.isSelected())
        .withDate(when.isEmpty() ? null : LocalDateTime.parse(when))
        .withSpeed(speed.getValue())
        .withRewind(rewind.isSelected())
        .withNotes(notes.getText());
  }

  private String wrong() {
    try {
      for (FileRow row : List.of(cd, floppyA, floppyB)) {
        Path path = row.file();
        if (path != null && !Files.isRegularFile(path)) {
          return texts.get("settings.missing", path);
        }
      }
      return chosen().mistakes().stream()
          .findFirst()
          .map(mistake -> texts.get(mistake.key(), mistake.arguments()))
          .orElse("");
    } catch (DateTimeParseException _) {
      return texts.get("settings.date.unclear");
    }
  }

  private void check() {
    Button keep = save;
    if (keep != null) {
      problem.setText(wrong());
      keep.setDisable(!problem.getText().isEmpty());
    }
  }

  private void save() {
    check();
    if (!problem.getText().isEmpty()) {
      return;
    }
    if (MachineRun.interrupted(entry) && !chosen().disks().equals(entry.machine().disks())) {
      problem.setText(texts.get("library.settleFirst", entry.name()));
      return;
    }
    try {
      desktop.library().save(entry.folder(), chosen());
      back.run();
    } catch (IOException e) {
      Dialogs.error(desktop.stage(), texts, e);
    }
  }

  private void showCommand() {
    if (!wrong().isEmpty()) {
      return;
    }
    TextArea line = new TextArea(QemuCommand.of(new Entry(entry.folder(), chosen(), null)));
    line.setEditable(false);
    line.setId("line");
    line.getStyleClass().add("mono");
    line.setPrefColumnCount(60);
    VBox content =
        new VBox(10, controls.text("settings.command.text"), controls.field("qemu.line", line));
    if (Dialogs.form(
        desktop.stage(),
        texts,
        texts.get("settings.command"),
        content,
        texts.get("settings.copy"))) {
      javafx.scene.input.ClipboardContent clip = new javafx.scene.input.ClipboardContent();
      clip.putString(line.getText());
      javafx.scene.input.Clipboard.getSystemClipboard().setContent(clip);
    }
  }
}
