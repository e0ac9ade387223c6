package io.satchel.app.library;

import io.satchel.app.library.Library.Entry;
import java.nio.file.Path;
import java.util.List;

/** What can be done from the library's page. */
public interface LibraryActions {

  /** Asks for an image and shows what it is. */
  void open();

  /** Shows what an image is. */
  void open(Path image);

  /** Runs the demonstration machine. */
  void demo();

  /** Begins the wizard that makes a computer. */
  void create();

  /** Begins the wizard that takes a disk over into the library. */
  void adopt();

  /** Begins the wizard that makes an empty disk. */
  void newDisk();

  /** Asks for a disk and writes it in another format. */
  void convertDisk();

  /** Asks for a disk and compacts it. */
  void compactDisk();

  /** Asks for a disk and checks it. */
  void checkDisk();

  /** Asks for a disk and makes it larger or smaller. */
  void resizeDisk();

  /** Asks for a disk and merges it into the one below it. */
  void commitDisk();

  /** Asks for a disk and lays it over another one. */
  void rebaseDisk();

  /** Asks for a disk and encrypts it, or changes its pass phrase. */
  void encryptDisk();

  /** Compacts all disks of the library. */
  void compactLibrary();

  /** Asks for a disk and shows its snapshots. */
  void snapshotsOfDisk();

  /** Asks for a disk and shows the files on it. */
  void lookInsideDisk();

  /** Makes a computer from a pasted line. */
  void fromQemu();

  /** Shows what the person chose for the whole program. */
  void preferences();

  /** Shows which keys do what. */
  void shortcuts();

  /** Writes everything that helps to find a fault into one file. */
  void diagnostics();

  /** Starts a machine, or shows it when it runs. */
  void start(Entry entry);

  /** Forgets the state that the next start would go on from, and starts from power-on. */
  void startAfresh(Entry entry);

  /** Shows a machine's snapshots. */
  void snapshots(Entry entry);

  /** Shows the files on a machine's disks. */
  void lookInside(Entry entry);

  void settings(Entry entry);

  void rename(Entry entry);

  void duplicate(Entry entry);

  void export(Entry entry);

  /** Moves a machine's folder to another place. */
  void move(Entry entry);

  void compact(Entry entry);

  /** Merges what a machine wrote into the disk below. */
  void commit(Entry entry);

  /** Makes one file of all that a machine's disk consists of. */
  void standAlone(Entry entry);

  /** Encrypts a machine's disk, or changes its pass phrase. */
  void encrypt(Entry entry);

  void check(Entry entry);

  void resize(Entry entry);

  void remove(Entry entry);

  /** Shows what is wrong with a machine's files, and the ways on. */
  void repair(Entry entry);

  /** Keeps what an interrupted machine wrote, without starting it. */
  void keepInterrupted(Entry entry);

  /** Throws away what an interrupted machine wrote. */
  void discardInterrupted(Entry entry);

  boolean running(Entry entry);

  /** Machines that run behind the window and are not in the library. */
  List<Other> others();

  /** One of them. */
  record Other(String name, Runnable show) {}
}
