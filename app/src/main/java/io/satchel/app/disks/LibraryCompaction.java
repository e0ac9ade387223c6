package io.satchel.app.disks;

import io.satchel.app.common.Sentences;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.library.MachineRun;
import io.satchel.image.Answers;
import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Compacts the disks of a whole library. */
final class LibraryCompaction {

  private final Library library;
  private final Texts texts;
  private final Predicate<Entry> running;

  LibraryCompaction(Library library, Texts texts, Predicate<Entry> running) {
    this.library = library;
    this.texts = texts;
    this.running = running;
  }

  /**
   * A disk of a machine.
   *
   * @param name what the person knows it as
   * @param found what could be saved; null when it is left as it is
   * @param reason why it is left, in a sentence; null when it is not
   * @param unreadable whether it is left because it could not be looked at
   */
  record Item(
      String name,
      Compaction compaction,
      Compaction.@Nullable Found found,
      @Nullable String reason,
      boolean unreadable) {

    /** The bytes that could be saved. */
    long saving() {
      return found == null ? 0 : found.plan().total();
    }

    private long taken() {
      return found == null ? 0 : found.taken();
    }
  }

  /**
   * What became of it.
   *
   * @param problem what went wrong, in a sentence; null when it did not
   */
  record Outcome(Item item, Compaction.@Nullable Result result, @Nullable String problem) {}

  /** Looks at every disk that a machine writes to. */
  List<Item> look(Progress progress) throws IOException {
    List<DiskFile> files = new ArrayList<>();
    List<Entry> entries = new ArrayList<>();
    for (Entry entry : library.list()) {
      if (entry.file() == null || entry.problem() != null) {
        continue;
      }
      for (Disk disk : entry.machine().disks()) {
        files.add(DiskFile.of(entry, disk, Answers.none()));
        entries.add(entry);
      }
    }
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      if (!progress.at(i, files.size())) {
        throw new Cancelled();
      }
      items.add(look(entries.get(i), files.get(i)));
    }
    return items;
  }

  private Item look(Entry entry, DiskFile file) {
    Compaction compaction = new Compaction(file);
    String name = texts.get("compact.all.disk", entry.name(), file.path().getFileName());
    if (running.test(entry)) {
      return new Item(name, compaction, null, texts.get("compact.all.running"), false);
    }
    if (MachineRun.interrupted(entry)) {
      return new Item(
          name, compaction, null, texts.get("library.settleFirst", entry.name()), false);
    }
    try {
      return new Item(name, compaction, compaction.look(), null, false);
    } catch (IOException e) {
      return new Item(name, compaction, null, Sentences.of(texts, e), true);
    }
  }

  /** Looks at a disk again, with what was answered to questions that it raised. */
  static Item again(Item item, Answers answers) throws IOException {
    Compaction compaction = new Compaction(item.compaction.file().withAnswers(answers));
    return new Item(item.name, compaction, compaction.look(), null, false);
  }

  /** Compacts one after the other; what goes wrong with one does not keep the others. */
  List<Outcome> run(List<Item> items, Progress progress) throws IOException {
    long total = items.stream().mapToLong(Item::taken).sum();
    long[] before = new long[1];
    List<Outcome> outcomes = new ArrayList<>();
    try {
      for (Item item : items) {
        Progress share =
            (done, of) -> progress.at(before[0] + (of == 0 ? 0 : done * item.taken() / of), total);
        try {
          outcomes.add(new Outcome(item, item.compaction.run(false, share), null));
        } catch (Cancelled e) {
          throw e;
        } catch (IOException e) {
          outcomes.add(new Outcome(item, null, Sentences.of(texts, e)));
        }
        before[0] += item.taken();
      }
      return outcomes;
    } catch (Cancelled e) {
      // What was made smaller before stays so: every disk is whole, as it was or smaller.
      outcomes.forEach(each -> each.item.compaction.forget());
      throw e;
    }
  }
}
