"""Reading pictures: files, folders of pictures, single pictures; cutting clips out of them."""
