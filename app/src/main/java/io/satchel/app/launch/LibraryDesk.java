package io.satchel.app.launch;

import io.satchel.app.common.Dialogs;
import io.satchel.app.common.Page;
import io.satchel.app.compare.ComparePage;
import io.satchel.app.demo.DemoImage;
import io.satchel.app.disks.CheckPage;
import io.satchel.app.disks.CommitPage;
import io.satchel.app.disks.CompactLibraryPage;
import io.satchel.app.disks.CompactPage;
import io.satchel.app.disks.ConvertPage;
import io.satchel.app.disks.DiskFile;
import io.satchel.app.disks.EncryptPage;
import io.satchel.app.disks.RebasePage;
import io.satchel.app.disks.ResizePage;
import io.satchel.app.export.ExportDialog;
import io.satchel.app.identify.IdentifyPage;
import io.satchel.app.identify.ImageSummary;
import io.satchel.app.inside.InsideModel;
import io.satchel.app.inside.InsidePage;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.LibraryActions;
import io.satchel.app.library.MachineDialogs;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineRun;
import io.satchel.app.library.TimelineFile;
import io.satchel.app.open.Changes;
import io.satchel.app.open.RecentImages;
import io.satchel.app.open.RunRequest;
import io.satchel.app.preset.Preset;
import io.satchel.app.preset.Presets;
import io.satchel.app.settings.PreferencesPage;
import io.satchel.app.settings.QemuPage;
import io.satchel.app.settings.SettingsPage;
import io.satchel.app.settings.ShortcutsPage;
import io.satchel.app.snapshots.SnapshotStore;
import io.satchel.app.snapshots.StoredSnapshots;
import io.satchel.app.snapshots.Timeline;
import io.satchel.app.snapshots.TimelinePage;
import io.satchel.app.wizard.AdoptWizard;
import io.satchel.app.wizard.CreateWizard;
import io.satchel.app.wizard.NewDiskWizard;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** What the library's buttons do: which page, wizard or machine follows. */
final class LibraryDesk implements LibraryActions, IdentifyPage.Actions {

  private final Desktop desktop;
  private final Texts texts;
  private final Machines machines;
  private final MainWindow window;
  private final RecentImages recent;
  private final MachineDialogs dialogs;

  LibraryDesk(Desktop desktop, Machines machines, MainWindow window, RecentImages recent) {
    this.desktop = desktop;
    texts = desktop.texts();
    this.machines = machines;
    this.window = window;
    this.recent = recent;
    dialogs = new MachineDialogs(desktop, window::say, window::showLibrary);
  }

  private void pick(String title, Consumer<Path> next) {
    Path file = desktop.pickImage(texts.get(title));
    if (file != null) {
      next.accept(file);
    }
  }

  /** Asks for a disk and what it raises, and shows a page about it. */
  private void picked(String title, Function<DiskFile, Page> page) {
    pick(
        title,
        file -> readable(file, answers -> window.show(page.apply(DiskFile.of(file, answers)))));
  }

  /** Goes on when the image can be opened, with what was asked for that. */
  private void readable(Path file, Consumer<Answers> next) {
    window.find(
        answers -> {
          OpenOptions look = OpenOptions.readOnly().withLocking(false).withAnswers(answers);
          Images.open(file, look).close();
          return file;
        },
        (_, answers) -> next.accept(answers));
  }

  /** Goes on when a machine's disks can be opened, with what was asked for that. */
  private void readable(Entry entry, Consumer<Answers> next) {
    window.find(
        answers -> {
          for (MachineFile.Disk disk : entry.machine().disks()) {
            Library.open(entry, disk, answers).close();
          }
          return entry;
        },
        (_, answers) -> next.accept(answers));
  }

  // --- An image ---

  @Override
  public void open() {
    pick("library.open", this::open);
  }

  @Override
  public void open(Path image) {
    window.find(
        answers -> ImageSummary.of(image, answers),
        (summary, _) -> {
          recent.add(image);
          window.show(new IdentifyPage(desktop, summary, this, window::showLibrary));
        });
  }

  @Override
  public void runOnce(ImageSummary image, Preset preset) {
    window.run(
        RunRequest.of(image.path())
            .withHardware(preset.memoryMib(), preset.processor())
            .withAnswers(image.answers()),
        image.preset().equals(Presets.UNKNOWN) ? desktop.presets().others(preset) : List.of());
  }

  @Override
  public void add(ImageSummary image, Preset preset) {
    String fileName = String.valueOf(image.path().getFileName());
    int dot = fileName.lastIndexOf('.');
    String name = dot > 0 ? fileName.substring(0, dot) : fileName;
    if (image.kind() != DriveKind.HARD_DISK) {
      new CreateWizard(desktop, preset, image).show(this::made);
      return;
    }
    MachineFile draft =
        MachineFile.named(name, preset.memoryMib(), preset.processor())
            .withPreset(preset.id())
            .withSpeed(preset.speed())
            .withBoot(List.of(BootDevice.HARD_DISK, BootDevice.CD, BootDevice.FLOPPY), null, false);
    window.find(() -> desktop.library().adopt(draft, image.path(), image.answers()), this::made);
  }

  /** A machine was added; it can be started from its card. */
  private void made(Entry entry) {
    window.say(texts.get("library.made", entry.name()));
    window.showLibrary();
  }

  @Override
  public void check(ImageSummary image) {
    window.show(
        new CheckPage(desktop, DiskFile.of(image.path(), image.answers()), window::showLibrary));
  }

  @Override
  public void demo() {
    machines.start(_ -> Changes.none(RunRequest.of(DemoImage.unpack())), Answers.none());
  }

  // --- Wizards and tools ---

  @Override
  public void create() {
    new CreateWizard(desktop, null, null).show(this::made);
  }

  @Override
  public void adopt() {
    new AdoptWizard(desktop).show(this::made);
  }

  @Override
  public void newDisk() {
    new NewDiskWizard(desktop)
        .show(
            file -> {
              window.say(texts.get("newdisk.done", file));
              window.showLibrary();
            });
  }

  @Override
  public void convertDisk() {
    picked("library.convert", file -> new ConvertPage(desktop, file, window::showLibrary));
  }

  @Override
  public void compactDisk() {
    picked("library.compact", file -> new CompactPage(desktop, file, window::showLibrary));
  }

  @Override
  public void checkDisk() {
    pick(
        "library.check",
        file ->
            window.show(
                new CheckPage(desktop, DiskFile.of(file, Answers.none()), window::showLibrary)));
  }

  @Override
  public void resizeDisk() {
    picked("library.resize", file -> new ResizePage(desktop, file, window::showLibrary));
  }

  @Override
  public void commitDisk() {
    picked("library.commit", file -> new CommitPage(desktop, file, window::showLibrary));
  }

  @Override
  public void rebaseDisk() {
    picked("library.rebase", file -> new RebasePage(desktop, file, window::showLibrary));
  }

  @Override
  public void encryptDisk() {
    picked("library.encrypt", file -> new EncryptPage(desktop, file, window::showLibrary));
  }

  @Override
  public void compactLibrary() {
    window.show(new CompactLibraryPage(desktop, this::running, window::showLibrary));
  }

  @Override
  public void fromQemu() {
    window.show(new QemuPage(desktop, this::made, window::showLibrary));
  }

  @Override
  public void preferences() {
    window.show(
        new PreferencesPage(
            desktop, window.data(), window.settings(), window::choose, window::showLibrary));
  }

  @Override
  public void shortcuts() {
    window.show(new ShortcutsPage(texts, window::showLibrary));
  }

  @Override
  public void diagnostics() {
    new Diagnostics(desktop, window.data()).ask(window::say);
  }

  @Override
  public void snapshotsOfDisk() {
    pick(
        "library.snapshots",
        file ->
            readable(
                file,
                answers -> timeline(new StoredSnapshots(file, answers), window::showLibrary)));
  }

  @Override
  public void lookInsideDisk() {
    pick(
        "library.inside",
        file -> readable(file, answers -> lookInside(DiskLook.of(file, answers))));
  }

  @Override
  public void lookInside(ImageSummary image) {
    lookInside(DiskLook.of(image.path(), image.answers()));
  }

  private void lookInside(DiskLook disk) {
    window.show(
        new InsidePage(desktop, new InsideModel(List.of(disk)), disk.name(), window::showLibrary));
  }

  /** Shows where a computer's snapshots are. */
  void timeline(SnapshotStore store, Runnable back) {
    Timeline timeline = new Timeline(store);
    window.show(
        new TimelinePage(
            desktop,
            timeline,
            new TimelinePage.Ways() {
              @Override
              public void lookInside(List<DiskLook> disks, String title) {
                window.show(new InsidePage(desktop, new InsideModel(disks), title, this::again));
              }

              @Override
              public void compare(
                  List<DiskLook> older, List<DiskLook> newer, String olderName, String newerName) {
                window.show(
                    new ComparePage(desktop, older, newer, olderName, newerName, this::again));
              }

              @Override
              public void made(Entry entry) {
                window.say(texts.get("library.made", entry.name()));
              }

              private void again() {
                timeline(store, back);
              }
            },
            back));
  }

  // --- A machine ---

  @Override
  public void snapshots(Entry entry) {
    machines
        .of(entry.folder())
        .ifPresentOrElse(
            Machines.Running::showTimeline,
            () ->
                whole(
                    entry,
                    () ->
                        readable(
                            entry,
                            answers ->
                                timeline(
                                    new StoredSnapshots(desktop.library(), entry, answers),
                                    window::showLibrary))));
  }

  @Override
  public void lookInside(Entry entry) {
    whole(
        entry,
        () ->
            window.find(
                answers -> {
                  List<DiskLook> disks = new ArrayList<>();
                  for (MachineFile.Disk disk : entry.machine().disks()) {
                    disks.add(DiskLook.of(entry, disk, null, answers));
                  }
                  return disks;
                },
                (disks, _) ->
                    window.show(
                        new InsidePage(
                            desktop, new InsideModel(disks), entry.name(), window::showLibrary))));
  }

  @Override
  public void startAfresh(Entry entry) {
    window.find(
        () -> {
          TimelineFile.read(entry.folder()).withResume(null).write(entry.folder());
          return entry;
        },
        this::start);
  }

  @Override
  public void start(Entry entry) {
    machines
        .of(entry.folder())
        .ifPresentOrElse(
            machines::show,
            () ->
                machines.start(
                    answers ->
                        MachineRun.prepare(
                            desktop.library(), desktop.library().read(entry.folder()), answers),
                    Answers.none()));
  }

  @Override
  public boolean running(Entry entry) {
    return machines.of(entry.folder()).isPresent();
  }

  @Override
  public List<Other> others() {
    return machines.unnamed().stream()
        .map(
            running ->
                new Other(
                    running.name().isEmpty() ? texts.get("first.demo") : running.name(),
                    () -> machines.show(running)))
        .toList();
  }

  @Override
  public void settings(Entry entry) {
    window.show(new SettingsPage(desktop, entry, window::showLibrary));
  }

  @Override
  public void rename(Entry entry) {
    dialogs.rename(entry);
  }

  @Override
  public void duplicate(Entry entry) {
    whole(
        entry,
        () ->
            readable(
                entry,
                answers -> {
                  window.showLibrary();
                  dialogs.duplicate(entry, answers);
                }));
  }

  @Override
  public void export(Entry entry) {
    whole(
        entry,
        () ->
            readable(
                entry,
                answers -> {
                  window.showLibrary();
                  new ExportDialog(desktop, window::say).show(entry, answers);
                }));
  }

  @Override
  public void move(Entry entry) {
    whole(entry, () -> dialogs.move(entry));
  }

  @Override
  public void compact(Entry entry) {
    disk(entry, file -> new CompactPage(desktop, file, window::showLibrary));
  }

  @Override
  public void commit(Entry entry) {
    disk(entry, file -> new CommitPage(desktop, file, window::showLibrary));
  }

  @Override
  public void standAlone(Entry entry) {
    disk(entry, file -> new RebasePage(desktop, file, window::showLibrary));
  }

  @Override
  public void encrypt(Entry entry) {
    disk(entry, file -> new EncryptPage(desktop, file, window::showLibrary));
  }

  @Override
  public void check(Entry entry) {
    disk(entry, file -> new CheckPage(desktop, file, window::showLibrary));
  }

  @Override
  public void resize(Entry entry) {
    disk(entry, file -> new ResizePage(desktop, file, window::showLibrary));
  }

  /** Shows the page about a machine's first disk. */
  private void disk(Entry entry, Function<DiskFile, Page> page) {
    whole(
        entry,
        () -> {
          if (entry.machine().disks().isEmpty()) {
            Dialogs.tell(desktop.stage(), texts, entry.name(), texts.get("export.none"));
          } else {
            MachineFile.Disk first = entry.machine().disks().getFirst();
            readable(entry, answers -> window.show(page.apply(DiskFile.of(entry, first, answers))));
          }
        });
  }

  /** A machine whose last run is not settled has half of its disk in a layer. */
  private void whole(Entry entry, Runnable next) {
    if (MachineRun.interrupted(entry)) {
      Dialogs.tell(
          desktop.stage(), texts, entry.name(), texts.get("library.settleFirst", entry.name()));
    } else {
      next.run();
    }
  }

  @Override
  public void remove(Entry entry) {
    dialogs.remove(entry);
  }

  @Override
  public void repair(Entry entry) {
    window.show(dialogs.repair(entry));
  }

  @Override
  public void keepInterrupted(Entry entry) {
    machines.settle(
        answers -> MachineRun.prepare(desktop.library(), entry, answers), true, Answers.none());
  }

  @Override
  public void discardInterrupted(Entry entry) {
    machines.settle(
        answers -> MachineRun.prepare(desktop.library(), entry, answers), false, Answers.none());
  }
}
