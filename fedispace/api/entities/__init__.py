"""What the API says, as structs: the shapes are the contract, and OpenAPI is made from them.

Every documented key is always there, null when there is nothing to say: decoders written in Swift
and Kotlin refuse an object that lacks one.
"""
