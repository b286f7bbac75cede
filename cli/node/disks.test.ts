import { expect, test } from 'vitest';
import { addDisk, parseDisk } from './disks.ts';

test('all that a disk can be said to do', () => {
  const text = 'name=ssd,class=fast,path=/srv/ssd/,capacity=100Gi,readIOPS=5000,writeBPS=200Mi';
  expect(parseDisk(text)).toEqual({
    name: 'ssd',
    class: 'fast',
    path: '/srv/ssd',
    capacity: '100Gi',
    readIOPS: 5000,
    writeBPS: '200Mi',
  });
});

test('rates can be those that are measured', () => {
  expect(parseDisk('name=a,path=/b,readIOPS=measured,writeBPS=measured')).toMatchObject({
    ...{ readIOPS: 'measured', writeBPS: 'measured' },
  });
});

test('a class is called as its disk where nothing is said', () => {
  expect(parseDisk('path=/a,name=ssd').class).toBe('ssd');
});

test.each([
  ['name=ssd', 'name and path'],
  ['/srv/ssd', 'knows no "/srv/ssd"'],
  ['name=a,path=/b,size=3Gi', 'knows no "size"'],
  ['name=a,name=b,path=/c', 'name is given twice'],
  ['name=A_b,path=/c', 'name must consist of'],
  ['name=a,class=B,path=/c', 'class must consist of'],
  ['name=a,path=b', 'path must be absolute, not "b"'],
  ['name=a,path=/b,readIOPS=1.5', 'readIOPS must be a whole number'],
  ['name=a,path=/b,readIOPS=0', 'readIOPS must be a whole number'],
  ['name=a,path=/b,capacity=much', 'capacity must be a size'],
  ['name=a,path=/b,capacity=measured', 'capacity must be a size'],
  ['name=a,path=/b,writeBPS=0', 'writeBPS must be a size'],
])('%s is refused with the part that is wrong', (text, words) => {
  expect(() => parseDisk(text)).toThrow(words);
});

test('each has a name of its own, and a directory that is there', () => {
  const first = addDisk('name=a,path=/tmp');
  expect(addDisk('name=b,path=/tmp', first)).toHaveLength(2);
  expect(() => addDisk('name=a,path=/', first)).toThrow('two disks are called "a"');
  expect(() => addDisk('name=c,path=/absent/disk')).toThrow('is no directory: mount the disk');
});
